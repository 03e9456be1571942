import { Navigate, useNavigate } from "@tanstack/react-router";

import { useBatchPage } from "@/features/batches/api/listBatchAccounts";
import { ExecutionNote } from "@/features/batches/execution/ExecutionNote";
import { OrderFiles } from "@/features/batches/execution/OrderFiles";
import { isOpen, type Shelf } from "@/features/batches/status";
import { AttentionChips } from "@/features/batches/request/AttentionChips";
import { RequestBar } from "@/features/batches/request/RequestBar";
import { RequestHead } from "@/features/batches/request/RequestHead";
import { exportsOf } from "@/features/batches/request/exports";
import { fieldsOn } from "@/features/batches/request/fields";
import { requestColumns } from "@/features/batches/request/columns";
import { TotalsStrip } from "@/features/batches/request/TotalsStrip";
import { rowBarred } from "@/features/batches/commands/rules";
import { DecisionNotes } from "@/features/batches/commands/DecisionNotes";
import { Reviewed } from "@/features/batches/commands/PutBack";
import { PutAsideNote } from "@/features/batches/commands/PutAsideNote";
import { StaleNote } from "@/features/batches/commands/StaleNote";
import { RequestTabs } from "@/features/batches/trades/RequestTabs";
import { TradesPanel } from "@/features/batches/trades/TradesPanel";
import type { BatchAccountRow } from "@/shared/api/models";
import { ExportMenu } from "@/shared/export/ExportMenu";
import { FilterBar } from "@/shared/filters/FilterBar";
import { useLayout, useVisible } from "@/shared/grid/columns";
import { ColumnsDrawer } from "@/shared/grid/ColumnsDrawer";
import { Grid } from "@/shared/grid/Grid";
import { Pager } from "@/shared/grid/Pager";
import { has, sameFilter, set, size as sizeOf } from "@/shared/selection/selection";
import { useSelection } from "@/shared/selection/useSelection";
import { useList, useRealPage } from "@/shared/state/useList";
import { FailedPage, Failure, WaitingPage } from "@/shared/ui/Notes";
import { ViewsMenu } from "@/shared/views/ViewsMenu";

const COLUMNS: Readonly<Record<Shelf, ReturnType<typeof requestColumns>>> = { open: requestColumns("open"), history: requestColumns("history") };
const known = (shelf: Shelf) => ({ fields: fieldsOn(shelf), sorts: COLUMNS[shelf].flatMap(({ sort }) => sort ?? []), columns: COLUMNS[shelf] });
const KNOWN = { open: known("open"), history: known("history") };
const NO_ROWS: readonly BatchAccountRow[] = [];

/** A request with its accounts: under review, or as it was decided. */
export function RequestPage({ batchId, shelf }: { batchId: number; shelf: Shelf }) {
  const list = useList(`request.${shelf}`);
  const { filter, search, change } = list;
  const page = useBatchPage(batchId, list);
  const navigate = useNavigate();
  const [selection, setSelection] = useSelection(`request.${batchId}`, filter);
  const isOwn = page.data !== undefined && sameFilter(page.data.filter, filter);
  const pageNote = useRealPage(list, isOwn ? page.data.total : undefined);
  const rows = page.data?.rows ?? NO_ROWS;
  const all = COLUMNS[shelf];
  const [layout, setLayout] = useLayout(`request.${shelf}`, all);
  const columns = useVisible(all, layout);

  if (page.isPending) return <WaitingPage title={`Request ${batchId}`} what={`request ${batchId}`} />;
  if (!page.data) return <FailedPage title={`Request ${batchId}`} error={page.error} onRetry={() => void page.refetch()} />;

  const { batch, totals, filtered, attention } = page.data;
  // Nothing of an open request is frozen: what is decided on is under Pending Approval.
  if (shelf === "history" && isOpen(batch.status)) return <Navigate to="/pending/$batchId" params={{ batchId: String(batchId) }} search={search} replace />;
  const isFiltered = filter.f.length > 0 || filter.q !== "";
  const isReview = shelf === "open" && isOpen(batch.status);
  const isChanged = isReview && !batch.part; // whoever sees a part of it can look, and has nothing to select for
  // While rows of the filter before are still shown, their number says nothing about what is chosen now.
  const matching = isOwn ? filtered.accounts : null;
  const selected = sizeOf(selection, matching) ?? 0;
  const target = shelf === "open" ? ("/pending/$batchId/accounts/$accountId" as const) : ("/history/$batchId/accounts/$accountId" as const);

  return (
    <Reviewed value={isReview ? batch : null}>
      <RequestHead batch={batch} shelf={shelf} selected={selected} unseen={isFiltered && matching !== null ? Math.max(0, batch.counts.proposed - matching) : 0}>
        <ExportMenu lists={exportsOf(page.data, isOwn, list)} />
        <ColumnsDrawer columns={all} layout={layout} onChange={setLayout} />
      </RequestHead>
      {page.error && <Failure error={page.error} onRetry={() => void page.refetch()} />}
      <ExecutionNote execution={batch.execution} />
      <OrderFiles batch={batch} />
      <PutAsideNote batch={batch} />
      <DecisionNotes batch={batch} />
      {isReview && <StaleNote batch={batch} onShow={() => change({ f: ["result.in.STALE"], q: undefined })} />}
      <TotalsStrip all={totals} filtered={isOwn ? filtered : null} isFiltered={isFiltered} />
      <AttentionChips counts={attention} f={filter.f} onChange={(f) => change({ f })} />
      <FilterBar
        fields={fieldsOn(shelf)}
        clauses={filter.f}
        q={filter.q}
        searchLabel="Search account number or name"
        seen={{ advisor_id: [...new Set(rows.map((row) => row.advisor_id))].sort() }}
        hides={!isOwn ? undefined : { hidden: batch.accounts - page.data.total, of: batch.accounts }}
        views={<ViewsMenu key={shelf} of="request" name={`request.${shelf}`} list={list} known={KNOWN[shelf]} layout={layout} onLayout={setLayout} />}
        onChange={(f) => change({ f })}
        onSearch={(q) => change({ q: q || undefined })}
        onClear={() => change({ f: undefined, q: undefined })}
      />
      <RequestTabs tab={search.tab} onTab={(tab) => change({ tab })} trades={<TradesPanel batch={batch} shelf={shelf} filter={filter} search={search} />}>
        {isChanged && <RequestBar batch={batch} selection={selection} matching={matching} filter={filter} onSelect={setSelection} />}
        <div className="request-grid">
          <Grid
            label={`Accounts of request ${batchId}`}
            columns={columns}
            rows={rows}
            total={page.data.total}
            offset={(list.page - 1) * list.size}
            rowId={(row) => row.account_id}
            rowName={(row) => `account ${row.account_number}`}
            isDimmed={(row) => row.state === "FAILED" || row.state === "REMOVED"}
            sort={search.sort}
            onSort={(sort) => change({ sort })}
            onOpen={(row) => void navigate({ to: target, params: { batchId: String(batchId), accountId: row.account_id }, search })}
            isBusy={page.isPlaceholderData}
            selection={
              isChanged
                ? {
                    has: (row) => has(selection, row.account_id),
                    barred: (row) => rowBarred(batch, row),
                    set: (some, on) => setSelection(set(selection, some.map((row) => row.account_id), on)),
                  }
                : undefined
            }
            empty={isFiltered ? "No account matches these filters." : "This request has no accounts."}
          />
        </div>
        <Pager page={list.page} size={list.size} total={page.data.total} note={pageNote} onPage={(next) => change({ page: next })} onSize={(size) => change({ size })} />
      </RequestTabs>
    </Reviewed>
  );
}
