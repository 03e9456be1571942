import { createRootRoute, createRoute, createRouter, Link, redirect } from "@tanstack/react-router";

import { Shell } from "@/app/Shell";
import { AccountPage } from "@/features/account/AccountPage";
import { BatchAccountPage } from "@/features/batches/account/BatchAccountPage";
import { HISTORY_FIELDS, HISTORY_SORTS } from "@/features/batches/list/historyFields";
import { HistoryPage } from "@/features/batches/list/HistoryPage";
import { PendingPage } from "@/features/batches/list/PendingPage";
import type { Shelf } from "@/features/batches/status";
import { requestColumns } from "@/features/batches/request/columns";
import { REQUEST_FIELDS } from "@/features/batches/request/fields";
import { NoSuchRequest, requestNumber } from "@/features/batches/request/NoSuchRequest";
import { RequestPage } from "@/features/batches/request/RequestPage";
import { FilesPage } from "@/features/files/FilesPage";
import { AccountsPage } from "@/features/queue/AccountsPage";
import { QUEUE_SORTS } from "@/features/queue/columns";
import { QUEUE_FIELDS } from "@/features/queue/fields";
import { FindPage } from "@/features/queue/find/FindPage";
import { findSearch } from "@/features/queue/find/whereabouts";
import { ProposeAccount } from "@/features/queue/ProposeAccount";
import { listSearch, readAddress, saysAnything, TABS, writeAddress, type ListSearch } from "@/shared/state/search";
import { remembered } from "@/shared/state/useList";
import { Failure } from "@/shared/ui/Notes";
import { PageHead } from "@/shared/ui/PageHead";

const REQUEST_SORTS = requestColumns("open").flatMap(({ sort }) => (sort ? [sort] : []));

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: ({ error }) => <Failure error={error} /> });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/accounts" });
  },
});

const accounts = createRoute({
  getParentRoute: () => root,
  path: "/accounts",
  validateSearch: (raw): ListSearch => listSearch(raw, QUEUE_FIELDS, QUEUE_SORTS),
  beforeLoad: ({ search }) => {
    const last = remembered("accounts", search);
    const again = last && listSearch(last, QUEUE_FIELDS, QUEUE_SORTS);
    if (again && saysAnything(again)) throw redirect({ to: "/accounts", search: again, replace: true });
  },
  component: AccountsPage,
});

const find = createRoute({ getParentRoute: () => root, path: "/find", validateSearch: findSearch, component: FindPage });
const account = createRoute({ getParentRoute: () => root, path: "/accounts/$accountId", component: AccountRoute });
const pending = createRoute({ getParentRoute: () => root, path: "/pending", component: PendingPage });
const history = createRoute({
  getParentRoute: () => root,
  path: "/history",
  validateSearch: (raw): ListSearch => listSearch(raw, HISTORY_FIELDS, HISTORY_SORTS),
  beforeLoad: ({ search }) => {
    const last = remembered("history", search);
    const again = last && listSearch(last, HISTORY_FIELDS, HISTORY_SORTS);
    if (again && saysAnything(again)) throw redirect({ to: "/history", search: again, replace: true });
  },
  component: HistoryPage,
});
const files = createRoute({ getParentRoute: () => root, path: "/files", component: FilesPage });

/** Both shelves remember their filters apart; within a shelf they stay from one request to the next. */
function requestSearch(shelf: Shelf) {
  return {
    validateSearch: (raw: Record<string, unknown>): ListSearch => listSearch(raw, REQUEST_FIELDS, REQUEST_SORTS, TABS),
    again: (search: ListSearch) => {
      const last = remembered(`request.${shelf}`, search);
      const found = last && listSearch(last, REQUEST_FIELDS, REQUEST_SORTS);
      return found && saysAnything(found) ? { ...found, tab: search.tab } : null;
    },
  };
}

const open = requestSearch("open");
const request = createRoute({
  getParentRoute: () => root,
  path: "/pending/$batchId",
  validateSearch: open.validateSearch,
  beforeLoad: ({ search, params }) => {
    const again = open.again(search);
    if (again) throw redirect({ to: "/pending/$batchId", params, search: again, replace: true });
  },
  component: () => <OfRequest {...request.useParams()} shelf="open" />,
});
const requestAccount = createRoute({
  getParentRoute: () => root,
  path: "/pending/$batchId/accounts/$accountId",
  validateSearch: open.validateSearch, // the list that it was opened from
  component: () => <OfRequest {...requestAccount.useParams()} shelf="open" />,
});

const decided = requestSearch("history");
const decidedRequest = createRoute({
  getParentRoute: () => root,
  path: "/history/$batchId",
  validateSearch: decided.validateSearch,
  beforeLoad: ({ search, params }) => {
    const again = decided.again(search);
    if (again) throw redirect({ to: "/history/$batchId", params, search: again, replace: true });
  },
  component: () => <OfRequest {...decidedRequest.useParams()} shelf="history" />,
});
const decidedAccount = createRoute({
  getParentRoute: () => root,
  path: "/history/$batchId/accounts/$accountId",
  validateSearch: decided.validateSearch,
  component: () => <OfRequest {...decidedAccount.useParams()} shelf="history" />,
});

/** A request, or an account of it; an address without the number of one ends at the list. */
function OfRequest({ shelf, batchId: text, accountId }: { shelf: Shelf; batchId: string; accountId?: string }) {
  const batchId = requestNumber(text);
  if (batchId === null) return <NoSuchRequest text={text} shelf={shelf} />;
  if (accountId !== undefined) return <BatchAccountPage batchId={batchId} accountId={accountId} shelf={shelf} />;
  return <RequestPage key={batchId} batchId={batchId} shelf={shelf} />;
}

function AccountRoute() {
  const { accountId } = account.useParams();
  return <AccountPage accountId={accountId} actions={(account) => <ProposeAccount account={account} />} />;
}

function NotFound() {
  return (
    <>
      <PageHead title="There is no such page" />
      <Link to="/accounts">Go to Accounts to Rebalance</Link>
    </>
  );
}

const routeTree = root.addChildren([home, accounts, find, account, pending, request, requestAccount, history, decidedRequest, decidedAccount, files]);

export function buildRouter() {
  return createRouter({ routeTree, parseSearch: readAddress, stringifySearch: writeAddress, scrollRestoration: true });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof buildRouter>;
  }
}
