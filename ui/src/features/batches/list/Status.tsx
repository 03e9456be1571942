import { Group, Loader, Progress } from "@mantine/core";

import type { BatchSummary } from "@/shared/api/models";
import { count } from "@/shared/format/format";
import { endedBy, statusNames } from "@/shared/format/names";
import { Tag, type Tone } from "@/shared/ui/Tag";

const TONES: Readonly<Record<BatchSummary["status"], Tone>> = {
  WORKING: "info",
  PENDING_APPROVAL: "warn",
  APPROVED: "good",
  CANCELLED: "plain",
  FAILED: "bad",
};

/** Status of a request; while it works, how far it has come; and that it is put aside, where it is. */
export function Status({ batch }: { batch: BatchSummary }) {
  if (!batch.put_aside) return <Progressed batch={batch} />;
  return (
    <Group gap={6} wrap="nowrap">
      <Tag tone="bad">Put aside</Tag>
      <Progressed batch={batch} />
    </Group>
  );
}

function Progressed({ batch }: { batch: BatchSummary }) {
  if (batch.status !== "WORKING") {
    return (
      <Group gap={6} wrap="nowrap">
        <Tag tone={TONES[batch.status]}>{statusNames[batch.status]}</Tag>
        {endedBy(batch) && <span className="note">{endedBy(batch)}</span>}
      </Group>
    );
  }
  const done = batch.accounts - batch.counts.working;
  return (
    <Group gap="xs" wrap="nowrap">
      <Loader size={14} aria-hidden />
      <span>Working</span>
      <Progress.Root w={90} size="sm">
        <Progress.Section value={batch.accounts === 0 ? 0 : (100 * done) / batch.accounts} aria-label={`Request ${batch.batch_id} proposed`} />
      </Progress.Root>
      <span className="note">
        {count(done)}/{count(batch.accounts)}
      </span>
    </Group>
  );
}
