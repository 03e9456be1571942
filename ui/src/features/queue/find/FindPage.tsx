import { Text } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";

import { useFound } from "@/features/queue/find/api/findAccounts";
import { FOUND_COLUMNS } from "@/features/queue/find/columns";
import { WhereNav } from "@/features/queue/find/WhereNav";
import { LISTS, type FindSearch } from "@/features/queue/find/whereabouts";
import type { FoundAccount } from "@/shared/api/models";
import { SearchBox } from "@/shared/filters/SearchBox";
import { count } from "@/shared/format/format";
import { Grid } from "@/shared/grid/Grid";
import { Pager } from "@/shared/grid/Pager";
import { LiveNote } from "@/shared/live/live";
import { useList, useRealPage } from "@/shared/state/useList";
import { Failure, Waiting } from "@/shared/ui/Notes";
import { PageHead } from "@/shared/ui/PageHead";

const NO_ROWS: readonly FoundAccount[] = [];

/** Every account that one may see, found by its words and listed by where it is. */
export function FindPage() {
  const { state }: FindSearch = useSearch({ strict: false });
  const list = useList("find");
  const { change, page, size } = list;
  const { q } = list.filter;
  const find = { q, state, page, size };
  const found = useFound(find);
  const navigate = useNavigate();
  const rows = found.data?.rows ?? NO_ROWS;
  // While rows of the search before are still shown, they say nothing about this one.
  const own = found.data?.find.q === q && found.data.find.state === state ? found.data : null;
  const total = found.data?.total ?? 0;
  const pageNote = useRealPage(list, own?.total);
  const title = LISTS.find((known) => known.state === state)?.name ?? "";
  return (
    <>
      <PageHead title={state === undefined ? "All accounts" : `Accounts: ${title.toLowerCase()}`} aside={<LiveNote />} />
      <WhereNav shown={state} q={list.search.q} />
      <SearchBox q={q} label="Search number, name, advisor or household" onSearch={(next) => change({ q: next || undefined })} />
      {found.error && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {own?.has_more && (
        <Text size="sm" mt="xs" role="status">
          More than {count(total)} accounts match: {q ? "type more of the number or name." : "these are the first ones. Search for a number or a name."}
        </Text>
      )}
      {found.isPending ? (
        <Waiting what="accounts" />
      ) : (
        <Grid
          label="Accounts found"
          columns={FOUND_COLUMNS}
          rows={rows}
          total={total}
          offset={(page - 1) * size}
          rowId={(row) => row.account_id}
          rowName={(row) => `account ${row.account_number}`}
          onOpen={(row) => void navigate({ to: "/accounts/$accountId", params: { accountId: row.account_id } })}
          isBusy={found.isPlaceholderData}
          empty={q ? `No account here matches "${q}".` : "No account is here now."}
        />
      )}
      <Pager page={page} size={size} total={total} note={pageNote} onPage={(next) => change({ page: next })} onSize={(next) => change({ size: next })} />
    </>
  );
}
