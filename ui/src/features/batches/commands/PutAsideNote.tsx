import { Alert, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";

import type { BatchSummary } from "@/shared/api/models";
import { instant, plural } from "@/shared/format/format";

type Batch = Pick<BatchSummary, "batch_id" | "put_aside">;

const MOST_SHOWN = 3;

/** Says that the server could not deal with a request by itself, and what that means; nothing of any other request. */
export function PutAsideNote({ batch }: { batch: Batch }) {
  if (!batch.put_aside) return null;
  const { sentence, since, again_at } = batch.put_aside;
  return (
    <Alert color="red" mb="md" icon={<IconAlertTriangle aria-hidden />} title={`Request ${batch.batch_id} is put aside`} role="status">
      {sentence}
      <span className="note under">
        Since {instant(since)}. Next try: {instant(again_at)}.
      </span>
    </Alert>
  );
}

/** The same of a list, the first few of them. */
export function PutAsideNotes({ batches }: { batches: readonly Batch[] }) {
  const aside = batches.filter((batch) => batch.put_aside !== null);
  const more = aside.length - MOST_SHOWN;
  return (
    <>
      {aside.slice(0, MOST_SHOWN).map((batch) => (
        <PutAsideNote key={batch.batch_id} batch={batch} />
      ))}
      {more > 0 && (
        <Text size="sm" mb="md">
          {plural(more, "more request is", "more requests are")} put aside, as the list shows.
        </Text>
      )}
    </>
  );
}
