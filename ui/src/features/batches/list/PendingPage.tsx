import { Button, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import { DecideButtons } from "@/features/batches/commands/DecideButtons";
import { PutAsideNotes } from "@/features/batches/commands/PutAsideNote";
import { AccountsOf } from "@/features/batches/list/AccountsOf";
import { DecideBy } from "@/features/batches/list/DecideBy";
import { Status } from "@/features/batches/list/Status";
import { useBatches } from "@/features/batches/api/listBatches";
import type { BatchSummary } from "@/shared/api/models";
import { count, instant, plural } from "@/shared/format/format";
import { logicNames } from "@/shared/format/names";
import { LiveNote } from "@/shared/live/live";
import { Failure, Waiting } from "@/shared/ui/Notes";
import { PageHead } from "@/shared/ui/PageHead";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";
import { Tag } from "@/shared/ui/Tag";

const COLUMNS: readonly PlainColumn<BatchSummary>[] = [
  {
    header: "Request",
    cell: (batch) => (
      <>
        <Link to="/pending/$batchId" params={{ batchId: String(batch.batch_id) }}>
          {batch.batch_id}
        </Link>
        <span className="note under">{[batch.label, logicNames[batch.logic]].filter(Boolean).join(" · ")}</span>
      </>
    ),
  },
  { header: "Accounts", isNumber: true, cell: (batch) => <AccountsOf batch={batch} /> },
  { header: "Status", cell: (batch) => <Status batch={batch} /> },
  { header: "Left out", cell: (batch) => <LeftOut batch={batch} /> },
  {
    header: "Requested",
    cell: (batch) => (
      <>
        {batch.requested_by}
        <span className="note under">{instant(batch.requested_at)}</span>
      </>
    ),
  },
  { header: "Decide by", help: "What is not decided by then is cancelled, and its accounts go back to the queue", cell: (batch) => <DecideBy batch={batch} /> },
  {
    header: "Actions",
    isPinned: true,
    cell: (batch) => (
      <Group gap={6} wrap="nowrap">
        <Button component={Link} to={`/pending/${batch.batch_id}`} size="compact-sm" variant="default" aria-label={`View details of request ${batch.batch_id}`}>
          View details
        </Button>
        <DecideButtons batch={batch} size="compact-sm" />
      </Group>
    ),
  },
];

/** Pending Approval: requests that are worked on or wait for a decision. */
export function PendingPage() {
  const batches = useBatches("open");
  return (
    <>
      <PageHead title="Pending Approval" aside={<LiveNote />} />
      {batches.error && <Failure error={batches.error} onRetry={() => void batches.refetch()} />}
      <PutAsideNotes batches={batches.data?.rows ?? []} />
      {batches.isPending ? (
        <Waiting what="requests" />
      ) : (
        <PlainTable
          label="Pending requests"
          columns={COLUMNS}
          rows={batches.data?.rows ?? []}
          rowKey={(batch) => String(batch.batch_id)}
          empty="Nothing waits for approval. Propose trades on the Accounts to Rebalance tab."
        />
      )}
      {batches.data && batches.data.total > batches.data.rows.length && (
        <Text size="sm" mt="xs">
          The newest {plural(batches.data.rows.length, "request")} of {count(batches.data.total)}.
        </Text>
      )}
    </>
  );
}

function LeftOut({ batch: { counts } }: { batch: BatchSummary }) {
  if (counts.failed + counts.removed + counts.stale === 0) return <span className="note">None</span>;
  return (
    <span className="tags left-out">
      {counts.failed > 0 && <Tag tone="bad">{count(counts.failed)} failed</Tag>}
      {counts.removed > 0 && <Tag>{count(counts.removed)} removed</Tag>}
      {counts.stale > 0 && <Tag tone="warn">{count(counts.stale)} stale</Tag>}
    </span>
  );
}
