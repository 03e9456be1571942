/** The whole interface at an address, before a server that responds from memory: for what stays while a user moves about. */
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { configure, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, vi } from "vitest";

import { buildRouter } from "@/app/router";
import { theme } from "@/app/theme";
import type { AccountPositions, AccountView, BatchAccountView, BatchPage, BatchSummary, FoundAccount, FoundAccounts, QueuePage, QueueRow, TileCounts, Totals } from "@/shared/api/models";
import { SessionContext } from "@/shared/session/session";
import { aBatch, aProposal, aRow, ME } from "@/test/render";

// Whole pages: looked through without asking of each element whether a style hides it, and with time to come.
configure({ defaultHidden: true, asyncUtilTimeout: 5000 });

/** Time for a test that goes through several pages. */
export const LONG = { timeout: 30_000 };

/** More than fit on one page, though each page of the responses holds two. */
export const MATCHING = 400;

const TILE_COUNTS: TileCounts = {
  first_rebalance: 5, high_cash: 2, low_cash: 1, position_drift: 3, no_target: 0, total: MATCHING, held: 0, settling: 0, in_batches: 0, last_analysis: null, analysed_accounts: null,
};

/** An account of the queue with too much cash; name only what matters. */
export function aQueueRow(part: Partial<QueueRow> = {}): QueueRow {
  return {
    account_id: "Q1", account_number: "00Q1", name: "Name Q1", custodian: "SCHW", enterprise_id: "E1", advisor_id: "D1", portfolio_id: "P1", state: "FLAGGED", tiles: ["HIGH_CASH"],
    source: "DRIFT_ANALYSIS", needed_since: "2026-11-20", last_rebalanced: null, market_value: "1000.00", cash: "10.00", cash_weight: "0.1", cash_target: "0.03", cash_low: "0.02",
    cash_high: "0.04", max_drift: "0.05", drifted: 1, drifted_components: 1, flag_version: 1, ...part,
  };
}

/** An account of the search; name only what matters. */
export const aFoundAccount = (part: Partial<FoundAccount> = {}): FoundAccount => ({ ...aQueueRow(), is_evaluated: true, hold_text: null, open_batch: null, ...part });

/** Sums of nothing; name only what matters. */
export function someTotals(part: Partial<Totals> = {}): Totals {
  const zero = "0.00";
  return {
    accounts: MATCHING, market_value: zero, buys: 0, buys_value: zero, sells: 0, sells_value: zero, flats: 0, flats_value: zero, short_term: zero, long_term: zero, estimated: zero,
    no_basis_proceeds: zero, non_taxable: 0, non_taxable_short_term: zero, non_taxable_long_term: zero, non_taxable_estimated: zero, non_taxable_no_basis_proceeds: zero,
    wash_disallowed: zero, wash_permanent: zero, wash_unchecked: 0, wash_earlier: zero, wash_earlier_permanent: zero, over_budget: 0, budget_unchecked: 0, failed: 0, removed: 0, ...part,
  };
}

export interface Harness {
  /** Address and method of everything that was asked. */
  asked: string[];
  /** Leave the page for another site. */
  leave: () => void;
  /** Close the browser tab, with all that only lives in it. */
  close: () => void;
}

/** Open an address. Requests 7 and 8 wait for a decision, 5 and 6 are cancelled; the queue and each request have two pages. */
export function openHarness(address: string): Harness {
  const batches = new Map<number, BatchSummary>();
  const ended = { status: "CANCELLED", result: "Cancelled", reason: "USER", decided_by: "Jo", decided_at: "2026-11-20T16:00:00Z" } as const;
  const full = { accounts: MATCHING, counts: { ...aBatch().counts, proposed: MATCHING } };
  for (const batch_id of [7, 8]) batches.set(batch_id, aBatch({ batch_id, ...full }));
  for (const batch_id of [5, 6]) batches.set(batch_id, aBatch({ batch_id, ...full, ...ended }));
  const asked: string[] = [];
  vi.stubGlobal("EventSource", class extends EventTarget {
    close() {}
  });
  vi.stubGlobal("scrollTo", () => undefined);
  vi.stubGlobal("fetch", (input: string, init?: RequestInit) => {
    const method = init?.method ?? "GET";
    const url = new URL(input, "http://localhost");
    asked.push(`${method} ${url.pathname}${url.search}`);
    const content = respond(batches, method, url.pathname.replace("/api/v1", ""), url.searchParams);
    return Promise.resolve(new Response(JSON.stringify(content)));
  });
  window.history.pushState(null, "", address);
  const { unmount: leave } = render(
    <MantineProvider env="test" theme={theme}>
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false, networkMode: "always" } } })}>
        <SessionContext value={ME}>
          <RouterProvider router={buildRouter()} />
        </SessionContext>
      </QueryClientProvider>
    </MantineProvider>,
  );
  const close = () => {
    leave();
    sessionStorage.clear();
  };
  return { asked, leave, close };
}

function respond(batches: Map<number, BatchSummary>, method: string, path: string, query: URLSearchParams): unknown {
  const page = Number(query.get("page") ?? 1);
  const [, number = "", , id = ""] = /^\/batches\/(\d+)(\/accounts)?\/?(\w*)/.exec(path) ?? [];
  const batch = batches.get(Number(number)) ?? aBatch();
  if (path === "/auth/logout") return { location: "#signed-out" };
  if (path === "/runs/latest") return null;
  if (path === "/queue/tiles") return TILE_COUNTS;
  if (path === "/queue/accounts") return aQueuePage(page);
  if (path === "/accounts") return someFound(query);
  if (path.startsWith("/accounts/")) return anAccount(path.slice("/accounts/".length));
  if (path.startsWith("/positions/")) return HOLDINGS;
  if (path === "/batches" && method === "POST") return { batch: aBatch({ status: "WORKING" }), accounts: 1 };
  if (path === "/batches") return listed(batches, query.get("state"));
  if (method === "POST") return { batch: decided(batches, batch, path), accounts: 1 };
  if (path.endsWith("/accounts")) return aRequestPage(batch, page);
  if (id) return aView(batch, id);
  return { rows: [], total: 0 };
}

const aQueuePage = (page: number): QueuePage => ({
  rows: [1, 2].map((at) => aQueueRow({ account_id: `Q${page}${at}`, account_number: `00Q${page}${at}` })), total: MATCHING, page, size: 200, as_of: "2026-11-20T15:00:00Z",
});

/** Two accounts of every list; none when something is searched for that neither begins with. */
function someFound(query: URLSearchParams): FoundAccounts {
  const q = query.get("q") ?? "";
  const held = aFoundAccount({ account_id: "H1", account_number: "00H1", name: "Held One", state: "HELD", tiles: [], hold_text: "The file names an unknown security." });
  const asked = aFoundAccount({ account_id: "R1", account_number: "00R1", name: "In Request", open_batch: 7 });
  const rows = [held, asked].filter(({ account_number }) => account_number.toLowerCase().startsWith(q.toLowerCase()));
  return { rows, total: rows.length, has_more: q === "00", page: 1, size: 200, as_of: "2026-11-20T15:00:00Z" };
}

const anAccount = (account_id: string): AccountView => ({
  ...aQueueRow({ account_id, account_number: `00${account_id}` }), why: [], causes: [], hold_code: null, hold_text: null, open_batch: null, epoch: 0, rebalances: [],
});

const HOLDINGS: AccountPositions = {
  account_id: "Q1", portfolio_id: "P1", facts_version: 1, lots_version: 1, as_of: "2026-11-20", price_set: 1, prices_as_of: "2026-11-20", state: "CLEAR", tiles: [], last_rebalanced: null,
  settling_since: null, epoch: 0, hold_code: null, hold_text: null, cash: "0.00", market_value: null, positions: [], reasons: [],
  settings: {
    rebalancer_on: true, do_not_trade: false, taxable: true, lot_method: "FIFO", gain_budget_short: null, gain_budget_total: null, no_short_term_gains: false, threshold: "0.2",
    precision: "0.04", floor: "0.005", cash_threshold: "0.2", cash_target: "0.02", min_trade_usd: "0.00", min_trade_weight: "0", cash_reserve: "0.00", cash_set_aside: "0.00",
    restrictions: [], lot_picks: [],
  },
};

function aRequestPage(batch: BatchSummary, page: number): BatchPage {
  const rows = [1, 2].map((at) => aRow({ account_id: `A${page}${at}`, account_number: `00A${page}${at}` }));
  const attention = { over_budget: 0, short_term_gain: 0, wash_sale: 0, unknown_basis: 0, large_turnover: 0, edited: 0, stale: 0, failed: 0 };
  return { batch, rows, total: MATCHING, page, size: 200, totals: someTotals(), filtered: someTotals(), attention };
}

function aView(batch: BatchSummary, id: string): BatchAccountView {
  const account = aRow({ account_id: id, account_number: `00${id}` });
  return { batch, account, logic: "BEST_FIT", proposals: [aProposal()], edit: null, wash_note: "Checked.", executions: [], previous_id: null, next_id: null, position: 1, listed: MATCHING };
}

function listed(batches: Map<number, BatchSummary>, state: string | null) {
  const rows = [...batches.values()].filter(({ status }) => (status === "PENDING_APPROVAL") === (state === "open"));
  return { rows, total: rows.length };
}

/** What the command at this path makes of the request. */
function decided(batches: Map<number, BatchSummary>, batch: BatchSummary, path: string): BatchSummary {
  const change = path.endsWith("/approve") ? ({ status: "APPROVED", result: "Complete", decided_by: "Jo", decided_at: "2026-11-20T16:00:00Z" } as const) : {};
  const after = { ...batch, version: batch.version + 1, ...change };
  batches.set(batch.batch_id, after);
  return after;
}

/** Go to a tab of the header. */
export const go = (tab: string) => userEvent.click(within(screen.getByRole("navigation", { name: "Main" })).getByRole("link", { name: new RegExp(`^${tab}`) }));

/** Press the link or button of this name once it is there. */
export const press = async (role: "link" | "button", name: string) => userEvent.click(await screen.findByRole(role, { name }));

/** Wait until the rows of the account of this number are there: the list has come. */
export const seen = (number: string) => screen.findByRole("rowheader", { name: number });

/** Wait until a command was sent and its dialog is gone. */
export async function done(harness: Harness, command: string) {
  await waitFor(() => expect(harness.asked).toContain(`POST /api/v1/batches${command}`));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
}

/** Remove an account of request 7. */
export async function removeAccount(harness: Harness, number: string) {
  await userEvent.click(await screen.findByRole("checkbox", { name: `Select account ${number}` }));
  await press("button", "Remove selected (1)");
  await press("button", "Remove 1");
  await done(harness, "/7/removals");
}
