import { Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";

import { useTiles } from "@/features/queue/api/countTiles";
import { useQueuePage } from "@/features/queue/api/listQueue";
import { QUEUE_COLUMNS, QUEUE_SORTS } from "@/features/queue/columns";
import { QUEUE_FIELDS } from "@/features/queue/fields";
import { WhereNav } from "@/features/queue/find/WhereNav";
import { ProposeButton } from "@/features/queue/ProposeButton";
import { choiceNames, Tiles } from "@/features/queue/Tiles";
import type { QueueRow, TileCounts } from "@/shared/api/models";
import { ExportMenu } from "@/shared/export/ExportMenu";
import { FilterBar } from "@/shared/filters/FilterBar";
import { count, instant, plural } from "@/shared/format/format";
import { useLayout, useVisible } from "@/shared/grid/columns";
import { ColumnsDrawer } from "@/shared/grid/ColumnsDrawer";
import { Grid } from "@/shared/grid/Grid";
import { Pager } from "@/shared/grid/Pager";
import { SelectionBar } from "@/shared/grid/SelectionBar";
import { LiveNote } from "@/shared/live/live";
import { allMatching, has, NOTHING, sameFilter, set, size as sizeOf, type Filter } from "@/shared/selection/selection";
import { useSelection } from "@/shared/selection/useSelection";
import { useList, useRealPage } from "@/shared/state/useList";
import { Failure, Waiting } from "@/shared/ui/Notes";
import { PageHead } from "@/shared/ui/PageHead";
import { ViewsMenu } from "@/shared/views/ViewsMenu";

const NO_ROWS: readonly QueueRow[] = [];
const EVERYTHING: Filter = { tiles: [], f: [], q: "" };
const KNOWN = { fields: QUEUE_FIELDS, sorts: QUEUE_SORTS, columns: QUEUE_COLUMNS };

/** Accounts to Rebalance: tiles, filters, selection, and "Propose trades". */
export function AccountsPage() {
  const list = useList("accounts");
  const { filter, search, change } = list;
  const accounts = useQueuePage(list);
  const counts = useTiles({ ...filter, tiles: [] });
  const everything = useTiles(EVERYTHING);
  const isFiltered = filter.f.length > 0 || filter.q !== "";
  const navigate = useNavigate();
  const [selection, setSelection] = useSelection("accounts", filter);
  const rows = accounts.data?.rows ?? NO_ROWS;
  const total = accounts.data?.total ?? 0;
  // While rows of the filter before are still shown, their number says nothing about what is chosen now.
  const matching = accounts.data && sameFilter(accounts.data.filter, filter) ? total : null;
  const pageNote = useRealPage(list, matching ?? undefined);
  const selected = sizeOf(selection, matching) ?? 0;
  const [layout, setLayout] = useLayout("accounts", QUEUE_COLUMNS);
  const columns = useVisible(QUEUE_COLUMNS, layout);

  return (
    <>
      <PageHead title="Accounts to Rebalance" aside={<LiveNote />} note={counts.data && <BookNote counts={counts.data} />}>
        <ProposeButton selection={selection} selected={selected} onProposed={() => setSelection(NOTHING)} />
        <ExportMenu lists={[{ title: "Accounts", row: "account", path: "/exports/queue", query: { tile: filter.tiles, f: filter.f, q: filter.q, sort: search.sort }, rows: matching }]} />
        <ColumnsDrawer columns={QUEUE_COLUMNS} layout={layout} onChange={setLayout} />
      </PageHead>
      <WhereNav shown="ATTENTION" />
      <Tiles
        counts={counts.isPlaceholderData ? undefined : counts.data}
        all={isFiltered ? everything.data : undefined}
        chosen={filter.tiles}
        onChange={(tiles) => change({ tile: tiles.length > 0 ? tiles : undefined })}
      />
      <FilterBar
        fields={QUEUE_FIELDS}
        clauses={filter.f}
        q={filter.q}
        searchLabel="Search account number or name"
        seen={seen(rows)}
        views={<ViewsMenu of="queue" name="accounts" list={list} known={KNOWN} layout={layout} onLayout={setLayout} />}
        onChange={(f) => change({ f })}
        onSearch={(q) => change({ q: q || undefined })}
        onClear={() => change({ f: undefined, q: undefined, tile: undefined })}
      />
      {accounts.error && <Failure error={accounts.error} onRetry={() => void accounts.refetch()} />}
      <SelectionBar selection={selection} matching={matching} onAll={() => setSelection(allMatching(filter))} onNone={() => setSelection(NOTHING)} />
      {accounts.isPending ? (
        <Waiting what="accounts" />
      ) : (
        <Grid
          label="Accounts to rebalance"
          columns={columns}
          rows={rows}
          total={total}
          offset={(list.page - 1) * list.size}
          rowId={(row) => row.account_id}
          rowName={(row) => `account ${row.account_number}`}
          sort={search.sort}
          onSort={(sort) => change({ sort })}
          onOpen={(row) => void navigate({ to: "/accounts/$accountId", params: { accountId: row.account_id } })}
          isBusy={accounts.isPlaceholderData}
          selection={{
            has: (row) => has(selection, row.account_id),
            barred: () => null,
            set: (some, on) => setSelection(set(selection, some.map((row) => row.account_id), on)),
          }}
          empty={<Empty filter={filter} counts={counts.data} />}
        />
      )}
      <Pager page={list.page} size={list.size} total={total} note={pageNote} onPage={(page) => change({ page })} onSize={(size) => change({ size })} />
    </>
  );
}

function BookNote({ counts }: { counts: TileCounts }) {
  const remarks = [
    counts.last_analysis ? `Last analysis ${instant(counts.last_analysis)}${counts.analysed_accounts === null ? "" : `, ${plural(counts.analysed_accounts, "account")} checked`}` : "No analysis has run yet",
    counts.in_batches > 0 ? `${count(counts.in_batches)} in open requests` : "",
    counts.settling > 0 ? `${count(counts.settling)} settling` : "",
    counts.held > 0 ? `${count(counts.held)} on data hold` : "",
  ];
  return <Text size="sm">{remarks.filter(Boolean).join(" · ")}</Text>;
}

function Empty({ filter, counts }: { filter: Filter; counts: TileCounts | undefined }) {
  const { tiles, f, q } = filter;
  if (f.length > 0 || q !== "") return <Text>No account matches these tiles and filters.</Text>;
  if (tiles.length > 1) return <Text>No account is in {tiles.map((tile) => choiceNames[tile]).join(" and ")} at once.</Text>;
  if (tiles.length > 0) return <Text>No account is in {tiles.map((tile) => choiceNames[tile]).join("")} now.</Text>;
  return <Text>{counts?.last_analysis ? "Nothing needs attention." : "Nothing to show yet: take in a custodian file and run the analysis on the Files tab."}</Text>;
}

function seen(rows: readonly QueueRow[]): Record<string, string[]> {
  const distinct = (pick: (row: QueueRow) => string | null) => [...new Set(rows.map(pick).filter((value) => value !== null))].sort();
  return {
    custodian: distinct((row) => row.custodian),
    portfolio_id: distinct((row) => row.portfolio_id),
    advisor_id: distinct((row) => row.advisor_id),
    enterprise_id: distinct((row) => row.enterprise_id),
  };
}
