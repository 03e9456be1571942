import { Link } from "@tanstack/react-router";

import { AccountsOf } from "@/features/batches/list/AccountsOf";
import { Complete } from "@/features/batches/list/Complete";
import { CheckHistory } from "@/features/batches/commands/CheckHistory";
import { useBatches } from "@/features/batches/api/listBatches";
import { HISTORY_FIELDS, HISTORY_SORTS } from "@/features/batches/list/historyFields";
import type { BatchSummary } from "@/shared/api/models";
import { ExportMenu } from "@/shared/export/ExportMenu";
import { FilterBar } from "@/shared/filters/FilterBar";
import { count, day, instant, plural } from "@/shared/format/format";
import { endedBy } from "@/shared/format/names";
import { Pager } from "@/shared/grid/Pager";
import { useList, useRealPage } from "@/shared/state/useList";
import { Amount } from "@/shared/ui/Amount";
import { Failure, Waiting } from "@/shared/ui/Notes";
import { PageHead } from "@/shared/ui/PageHead";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";
import { Tag, type Tone } from "@/shared/ui/Tag";
import { ViewsMenu } from "@/shared/views/ViewsMenu";

const TONES: Readonly<Record<NonNullable<BatchSummary["result"]>, Tone>> = { Complete: "good", Cancelled: "plain", Failed: "bad" };

/** What became of a request and what it realised comes first: in sight in a window of 1280 pixels. */
const HISTORY_COLUMNS: readonly PlainColumn<BatchSummary>[] = [
  {
    header: "Request",
    sort: "number",
    cell: (batch) => (
      <>
        <Link to="/history/$batchId" params={{ batchId: String(batch.batch_id) }}>
          {batch.batch_id}
        </Link>
        <span className="note under">{[batch.label, `trade date ${day(batch.session ?? batch.trade_date)}`].filter(Boolean).join(" · ")}</span>
      </>
    ),
  },
  { header: "Accounts", sort: "accounts", isNumber: true, cell: (batch) => <AccountsOf batch={batch} /> },
  {
    header: "Result",
    sort: "decision",
    cell: (batch) =>
      batch.result && (
        <>
          <Tag tone={TONES[batch.result]}>{batch.result}</Tag> {batch.result === "Cancelled" && <span className="note under">{endedBy(batch)}</span>}
        </>
      ),
  },
  { header: "Failed", sort: "failed", isNumber: true, cell: (batch) => count(batch.counts.failed) },
  { header: "Complete", sort: "complete", isNumber: true, help: "Proposed and not removed; of a cancelled request these are not traded", cell: (batch) => <Complete batch={batch} /> },
  { header: "Removed", sort: "removed", isNumber: true, cell: (batch) => count(batch.counts.removed) },
  { header: "Short-term G&L", sort: "short_term", isNumber: true, cell: (batch) => <Amount value={batch.short_term} isGain /> },
  { header: "Long-term G&L", sort: "long_term", isNumber: true, cell: (batch) => <Amount value={batch.long_term} isGain /> },
  { header: "Estimated G&L", sort: "estimated", isNumber: true, cell: (batch) => <Amount value={batch.estimated} isGain /> },
  { header: "Decided", sort: "decided", cell: (batch) => <Who name={[batch.first_approval?.by, batch.decided_by ?? "Automatic"].filter(Boolean).join(", then ")} at={batch.decided_at} /> },
  { header: "Note", cell: (batch) => batch.note && <span className="note">{batch.note}</span> },
  { header: "Requested", sort: "requested", cell: (batch) => <Who name={batch.requested_by} at={batch.requested_at} /> },
  { header: "Bought and sold", sort: "turnover", isNumber: true, help: "Market buys and sells of all accounts", cell: (batch) => <Amount value={batch.turnover} /> },
];
const KNOWN = { fields: HISTORY_FIELDS, sorts: HISTORY_SORTS, columns: null };
const NO_ROWS: readonly BatchSummary[] = [];

/** History: requests that were decided, with what became of their accounts. */
export function HistoryPage() {
  const list = useList("history");
  const { page, size, filter, search, change } = list;
  const batches = useBatches("history", { f: filter.f, q: filter.q, sort: search.sort, page, size });
  const rows = batches.data?.rows ?? NO_ROWS;
  const isFiltered = filter.f.length > 0 || filter.q !== "";
  const pageNote = useRealPage(list, batches.isPlaceholderData ? undefined : batches.data?.total);
  return (
    <>
      <PageHead title="History">
        <ExportMenu lists={[{ title: "History", row: "request", path: "/exports/history", query: { f: filter.f, q: filter.q, sort: search.sort }, rows: batches.data?.total ?? null }]} />
        <CheckHistory />
      </PageHead>
      <FilterBar
        fields={HISTORY_FIELDS}
        clauses={filter.f}
        q={filter.q}
        searchLabel="Search number, name, note or person"
        seen={seen(rows)}
        views={<ViewsMenu of="history" name="history" list={list} known={KNOWN} />}
        onChange={(f) => change({ f })}
        onSearch={(q) => change({ q: q || undefined })}
        onClear={() => change({ f: undefined, q: undefined })}
      />
      {isFiltered && batches.data && !batches.isPlaceholderData && <p className="note" role="status">{plural(batches.data.total, "request")} found.</p>}
      {batches.error && <Failure error={batches.error} onRetry={() => void batches.refetch()} />}
      {batches.isPending ? (
        <Waiting what="history" />
      ) : (
        <PlainTable
          label="Completed requests"
          columns={HISTORY_COLUMNS}
          rows={rows}
          rowKey={(batch) => String(batch.batch_id)}
          sort={search.sort}
          onSort={(sort) => change({ sort })}
          empty={isFiltered ? "No request matches these filters." : "No request has been decided yet."}
        />
      )}
      {batches.data && <Pager page={page} size={size} total={batches.data.total} note={pageNote} onPage={(next) => change({ page: next })} onSize={(next) => change({ size: next })} />}
    </>
  );
}

/** Values in sight, offered for text fields. */
function seen(rows: readonly BatchSummary[]): Record<string, string[]> {
  const distinct = (pick: (batch: BatchSummary) => string | null) => [...new Set(rows.map(pick).filter((value) => value !== null && value !== ""))].sort() as string[];
  return { requested_by: distinct((batch) => batch.requested_by), decided_by: distinct((batch) => batch.decided_by), label: distinct((batch) => batch.label) };
}

function Who({ name, at }: { name: string; at: string | null }) {
  return (
    <>
      {name}
      <span className="note under">{instant(at)}</span>
    </>
  );
}
