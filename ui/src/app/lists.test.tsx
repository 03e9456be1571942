/** Both lists with their addresses, as a user goes through them, before a server that responds when the test says so. */
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { RouterProvider } from "@tanstack/react-router";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { buildRouter } from "@/app/router";
import type { BatchPage, QueuePage, QueueRow, TileCounts, Totals } from "@/shared/api/models";
import { openMemory } from "@/shared/state/memory";
import { aBatch, aRow, draw, ME } from "@/test/render";

const COUNTS: TileCounts = {
  first_rebalance: 0,
  high_cash: 2,
  low_cash: 0,
  position_drift: 0,
  no_target: 1,
  total: 3,
  held: 0,
  settling: 0,
  in_batches: 0,
  last_analysis: null,
  analysed_accounts: null,
};

const queued = (id: string): QueueRow => ({
  account_id: id,
  account_number: `00${id}`,
  name: `Name ${id}`,
  custodian: "SCHW",
  enterprise_id: "E1",
  advisor_id: "D1",
  portfolio_id: "P1",
  state: "FLAGGED",
  tiles: ["HIGH_CASH"],
  source: "DRIFT_ANALYSIS",
  needed_since: "2026-11-20",
  last_rebalanced: null,
  market_value: "1000.00",
  cash: "10.00",
  cash_weight: "0.1",
  cash_target: "0.03",
  cash_low: "0.02",
  cash_high: "0.04",
  max_drift: "0.05",
  drifted: 1,
  drifted_components: 1,
  flag_version: 1,
});

const aQueue = (ids: string[], total = ids.length): QueuePage => ({ rows: ids.map(queued), total, page: 1, size: 200, as_of: "2026-11-20T15:00:00Z" });

const UNKNOWN = Object.fromEntries(
  ["market_value", "begin_cash", "end_cash", "buys", "buys_value", "sells", "sells_value", "flats", "flats_value", "short_term", "long_term", "estimated", "unknown_term", "no_basis_proceeds", "wash_disallowed", "wash_permanent", "wash_earlier", "wash_earlier_permanent", "over_budget"].map((name) => [name, null]),
);

const NOTHING = { over_budget: 0, short_term_gain: 0, wash_sale: 0, unknown_basis: 0, large_turnover: 0, edited: 0, stale: 0, failed: 0 };

function aPage(market_value: string, accounts: number, batch = aBatch()): BatchPage {
  const zeros = { buys: 0, sells: 0, flats: 0, wash_unchecked: 0, failed: 1, removed: 0 };
  const totals = (value: string, number: number) =>
    ({ ...Object.fromEntries(["buys_value", "sells_value", "flats_value", "short_term", "long_term", "estimated", "no_basis_proceeds", "non_taxable_short_term", "non_taxable_long_term", "non_taxable_estimated", "wash_disallowed", "wash_permanent", "wash_earlier", "wash_earlier_permanent"].map((name) => [name, "0.00"])), ...zeros, accounts: number, market_value: value }) as Totals;
  const rows = [aRow({ account_id: "A1", market_value: "1000.00" }), aRow({ account_id: "F1", account_number: "00F1", state: "FAILED", result: "A price is missing.", ...UNKNOWN })];
  return { batch, rows, total: accounts, page: 1, size: 200, totals: totals("10000.00", 10), filtered: totals(market_value, accounts), attention: NOTHING };
}

/** Responses by address; what is held back comes when it is let go. */
function serve(content: (path: string, query: URLSearchParams) => unknown) {
  const held: (() => void)[] = [];
  const state = { isHolding: false, asked: [] as string[], letGo: () => held.splice(0).forEach((go) => go()) };
  vi.stubGlobal("EventSource", class extends EventTarget {
    close() {}
  });
  vi.stubGlobal("scrollTo", () => undefined);
  vi.stubGlobal("fetch", async (input: string) => {
    const address = new URL(input, "http://localhost");
    state.asked.push(address.pathname + address.search);
    if (state.isHolding) await new Promise<void>((go) => held.push(go));
    return new Response(JSON.stringify(content(address.pathname.replace("/api/v1", ""), address.searchParams)));
  });
  return state;
}

function bothLists(page: (query: URLSearchParams) => BatchPage = () => aPage("10000.00", 10)) {
  return (path: string, query: URLSearchParams): unknown => {
    if (path === "/queue/tiles") return COUNTS;
    if (path === "/queue/accounts") return query.get("q") ? aQueue(["A1"]) : aQueue(["A1", "A2", "A3"]);
    if (path === "/batches") return { rows: [], total: 0 };
    return page(query);
  };
}

function visit(address: string) {
  window.history.pushState(null, "", address);
  return draw(<RouterProvider router={buildRouter()} />);
}

const search = async (text: string) => userEvent.type(await screen.findByRole("searchbox", { name: /^Search/ }), `${text}{Enter}`);
const totals = () => screen.getByRole("table", { name: "Totals" });

beforeEach(() => openMemory(ME.subject));

describe("the queue", () => {
  it("leads from a page that does not exist to the last one, and says so", async () => {
    serve(bothLists());
    visit("/accounts?page=99");
    expect(await screen.findByText(/There is no page 99/)).toBeInTheDocument();
    expect(screen.getByText("Page 1 of 1")).toBeInTheDocument();
    expect(window.location.search).toBe("");
  });

  it("asks the server nothing of the junk in an address", async () => {
    const server = serve(bothLists());
    visit("/accounts?f=a.b.c&page=1&size=7&sort=name&tile=NONE&q=%20");
    await screen.findByRole("button", { name: "Select all 3 matching" });
    expect(server.asked.filter((path) => path.startsWith("/api/v1/queue/accounts"))).toEqual(["/api/v1/queue/accounts?sort=name&page=1&size=200"]);
  });

  it("narrows to accounts without a target like to any tile", async () => {
    const server = serve(bothLists());
    visit("/accounts");
    await userEvent.click(await screen.findByRole("button", { name: /^No Target/ }));
    await vi.waitFor(() => expect(server.asked.some((path) => path.startsWith("/api/v1/queue/accounts?tile=NO_TARGET"))).toBe(true));
    expect(window.location.search).toBe("?tile=NO_TARGET");
  });

  it("counts nothing of another filter while it loads", async () => {
    const server = serve(bothLists());
    visit("/accounts");
    await screen.findByRole("button", { name: "Select all 3 matching" });
    server.isHolding = true;
    await search("smith");
    expect(screen.queryByRole("button", { name: /Select all/ })).not.toBeInTheDocument();
    expect(screen.getByRole("button", { name: /^High Cash/ })).toHaveTextContent("…");
    server.isHolding = false;
    server.letGo();
    expect(await screen.findByRole("button", { name: "Select all 1 matching" })).toBeInTheDocument();
  });

  it("does not bring a selection made by filter back with the filter", async () => {
    serve(bothLists());
    visit("/accounts");
    await userEvent.click(await screen.findByRole("button", { name: "Select all 3 matching" }));
    expect(screen.getByRole("button", { name: "Propose trades for 3" })).toBeInTheDocument();
    await search("smith");
    await screen.findByRole("button", { name: "Select all 1 matching" });
    await userEvent.click(screen.getByRole("button", { name: "Clear all" }));
    await screen.findByRole("button", { name: "Select all 3 matching" });
    expect(screen.getByText("0 selected")).toBeInTheDocument();
  });

  it("comes back with its filters when the app was closed, for this user alone", async () => {
    serve(bothLists());
    const first = visit("/accounts");
    await search("smith");
    await vi.waitFor(() => expect(window.location.search).toBe("?q=smith"));
    first.unmount();
    sessionStorage.clear();
    const second = visit("/accounts");
    expect(await screen.findByRole("searchbox", { name: /^Search/ })).toHaveValue("smith");
    second.unmount();
    openMemory("somebody else");
    visit("/accounts");
    expect(await screen.findByRole("searchbox", { name: /^Search/ })).toHaveValue("");
  });
});

describe("a request", () => {
  it("shows what is not known of a failed account as a dash, never as $0", async () => {
    serve(bothLists());
    visit("/pending/7");
    const row = (await screen.findByRole("rowheader", { name: "00F1" })).closest("tr");
    expect(row).not.toHaveTextContent("$");
    expect(row && within(row).queryByText("0")).toBeNull();
    expect(row && within(row).getAllByText("–").length).toBeGreaterThan(10);
  });

  it("never shows the totals of another filter as those of this one", async () => {
    const server = serve(bothLists((query) => (query.get("q") === "smith" ? aPage("111.00", 1) : query.get("q") === "jones" ? aPage("222.00", 2) : aPage("10000.00", 10))));
    visit("/pending/7?q=smith");
    await vi.waitFor(() => expect(totals()).toHaveTextContent("$111"));
    server.isHolding = true;
    await userEvent.clear(screen.getByRole("searchbox", { name: /^Search/ }));
    await search("jones");
    expect(totals()).not.toHaveTextContent("$111");
    expect(totals()).toHaveTextContent("$10,000");
    server.isHolding = false;
    server.letGo();
    await vi.waitFor(() => expect(totals()).toHaveTextContent("$222"));
  });

  it("says how many accounts the filters of another request hide, and shows all again", async () => {
    serve(bothLists((query) => (query.get("q") ? aPage("111.00", 1) : aPage("10000.00", 10))));
    const first = visit("/pending/7");
    await search("smith");
    await vi.waitFor(() => expect(window.location.search).toBe("?q=smith"));
    first.unmount();
    visit("/pending/8");
    expect(await screen.findByText(/These filters hide 9 accounts of 10 accounts/)).toBeInTheDocument();
    await userEvent.click(screen.getByRole("button", { name: "Clear all" }));
    await vi.waitFor(() => expect(screen.queryByText(/These filters hide/)).not.toBeInTheDocument());
    expect(window.location.search).toBe("");
  });

  it.each(["", "?q=smith"])("that is open claims nothing frozen under history%s", async (filter) => {
    serve(bothLists());
    visit(`/history/7${filter}`);
    await vi.waitFor(() => expect(window.location.pathname + window.location.search).toBe(`/pending/7${filter}`));
    expect(await screen.findByRole("button", { name: "Approve" })).toBeInTheDocument();
    expect(screen.queryByText(/Values as shown when it was decided/)).not.toBeInTheDocument();
  });
});
