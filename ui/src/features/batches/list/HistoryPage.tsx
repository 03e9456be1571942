import { Link } from "@tanstack/react-router";

import { Complete } from "@/features/batches/list/Complete";
import { CheckHistory } from "@/features/batches/commands/CheckHistory";
import { useBatches } from "@/features/batches/api/listBatches";
import type { BatchSummary } from "@/shared/api/models";
import { ExportMenu } from "@/shared/export/ExportMenu";
import { count, day, instant } from "@/shared/format/format";
import { endedBy } from "@/shared/format/names";
import { Pager } from "@/shared/grid/Pager";
import { useList, useRealPage } from "@/shared/state/useList";
import { Amount } from "@/shared/ui/Amount";
import { Failure, Waiting } from "@/shared/ui/Notes";
import { PageHead } from "@/shared/ui/PageHead";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";
import { Tag, type Tone } from "@/shared/ui/Tag";

const TONES: Readonly<Record<NonNullable<BatchSummary["result"]>, Tone>> = { Complete: "good", Cancelled: "plain", Failed: "bad" };

/** What became of a request and what it realised comes first: in sight in a window of 1280 pixels. */
const HISTORY_COLUMNS: readonly PlainColumn<BatchSummary>[] = [
  {
    header: "Request",
    cell: (batch) => (
      <>
        <Link to="/history/$batchId" params={{ batchId: String(batch.batch_id) }}>
          {batch.batch_id}
        </Link>
        <span className="note under">trade date {day(batch.session ?? batch.trade_date)}</span>
      </>
    ),
  },
  { header: "Accounts", isNumber: true, cell: (batch) => batch.only_account ?? count(batch.accounts) },
  {
    header: "Result",
    cell: (batch) =>
      batch.result && (
        <>
          <Tag tone={TONES[batch.result]}>{batch.result}</Tag> {batch.result === "Cancelled" && <span className="note under">{endedBy(batch)}</span>}
        </>
      ),
  },
  { header: "Failed", isNumber: true, cell: (batch) => count(batch.counts.failed) },
  { header: "Complete", isNumber: true, help: "Proposed and not removed; of a cancelled request these are not traded", cell: (batch) => <Complete batch={batch} /> },
  { header: "Removed", isNumber: true, cell: (batch) => count(batch.counts.removed) },
  { header: "Short-term G&L", isNumber: true, cell: (batch) => <Amount value={batch.short_term} isGain /> },
  { header: "Long-term G&L", isNumber: true, cell: (batch) => <Amount value={batch.long_term} isGain /> },
  { header: "Estimated G&L", isNumber: true, cell: (batch) => <Amount value={batch.estimated} isGain /> },
  { header: "Decided", cell: (batch) => <Who name={[batch.first_approval?.by, batch.decided_by ?? "Automatic"].filter(Boolean).join(", then ")} at={batch.decided_at} /> },
  { header: "Note", cell: (batch) => batch.note && <span className="note">{batch.note}</span> },
  { header: "Requested", cell: (batch) => <Who name={batch.requested_by} at={batch.requested_at} /> },
];

/** History: requests that were decided, with what became of their accounts. */
export function HistoryPage() {
  const list = useList("history");
  const { page, size, change } = list;
  const batches = useBatches("history", page, size);
  const pageNote = useRealPage(list, batches.isPlaceholderData ? undefined : batches.data?.total);
  return (
    <>
      <PageHead title="History">
        <ExportMenu lists={[{ title: "History", row: "request", path: "/exports/history", query: {}, rows: batches.data?.total ?? null }]} />
        <CheckHistory />
      </PageHead>
      {batches.error && <Failure error={batches.error} onRetry={() => void batches.refetch()} />}
      {batches.isPending ? (
        <Waiting what="history" />
      ) : (
        <PlainTable label="Completed requests" columns={HISTORY_COLUMNS} rows={batches.data?.rows ?? []} rowKey={(batch) => String(batch.batch_id)} empty="No request has been decided yet." />
      )}
      {batches.data && <Pager page={page} size={size} total={batches.data.total} note={pageNote} onPage={(next) => change({ page: next })} onSize={(next) => change({ size: next })} />}
    </>
  );
}

function Who({ name, at }: { name: string; at: string | null }) {
  return (
    <>
      {name}
      <span className="note under">{instant(at)}</span>
    </>
  );
}
