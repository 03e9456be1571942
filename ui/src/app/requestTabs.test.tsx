/** The tabs of a request with their addresses, as a user goes through them. */
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { RouterProvider } from "@tanstack/react-router";
import axe from "axe-core";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { buildRouter } from "@/app/router";
import type { BatchPage, BatchTrades, SecurityFigures, SecurityAccounts, Totals } from "@/shared/api/models";
import { openMemory } from "@/shared/state/memory";
import { aBatch, aRow, draw, ME } from "@/test/render";

const ZERO = "0.00";
const NO_TOTALS = Object.fromEntries(
  ["buys_value", "sells_value", "flats_value", "short_term", "long_term", "estimated", "no_basis_proceeds", "non_taxable_short_term", "non_taxable_long_term", "non_taxable_estimated", "wash_disallowed", "wash_permanent", "wash_earlier", "wash_earlier_permanent", "market_value"].map((name) => [name, ZERO]),
);
const TOTALS = { ...NO_TOTALS, accounts: 10, buys: 0, sells: 0, flats: 0, wash_unchecked: 0, failed: 0, removed: 0, non_taxable: 0 } as unknown as Totals;
const ATTENTION = { over_budget: 0, short_term_gain: 0, wash_sale: 0, unknown_basis: 0, large_turnover: 0, edited: 0, stale: 0, failed: 0 };

const figures = (part: Partial<SecurityFigures>): SecurityFigures => ({
  buys: "0", buys_value: ZERO, buy_accounts: 0, sells: "0", sells_value: ZERO, sell_accounts: 0, net: "0", net_value: ZERO, accounts: 0, value: ZERO, ...part,
});
const AAA = figures({ buys: "4", buys_value: "400.00", buy_accounts: 1, sells: "16.5", sells_value: "1650.00", sell_accounts: 2, net: "-12.5", net_value: "-1250.00", accounts: 3, value: "2050.00" });
const SUMS = { securities: 1, orders: 3, buys_value: "400.00", sells_value: "1650.00", net_value: "-1250.00", value: "2050.00" };
const TRADES: BatchTrades = { batch_id: 7, version: 3, logic: "BEST_FIT", rows: [{ security_id: "AAA", filtered: AAA, all: AAA }], filtered: SUMS, all: SUMS };
const PART = figures({ sells: "10", sells_value: "1000.00", sell_accounts: 1, net: "-10", net_value: "-1000.00", accounts: 1, value: "1000.00" });
const FILTERED: BatchTrades = { ...TRADES, rows: [{ security_id: "AAA", filtered: PART, all: AAA }], filtered: { ...SUMS, orders: 1, value: "1000.00" } };
const ACCOUNTS: SecurityAccounts = {
  security_id: "AAA",
  rows: [{ account_id: "A1", account_number: "00A1", name: "One", side: "SELL", quantity: "10", price: "100", value: "1000.00" }],
  total: 1,
  page: 1,
  size: 50,
};

function serve(status: "PENDING_APPROVAL" | "APPROVED" = "PENDING_APPROVAL", trades: BatchTrades | null = null) {
  const asked: string[] = [];
  const batch = aBatch({ status, decided_at: status === "APPROVED" ? "2026-11-20T16:00:00Z" : null });
  const page: BatchPage = { batch, rows: [aRow()], total: 10, page: 1, size: 200, totals: TOTALS, filtered: TOTALS, attention: ATTENTION };
  vi.stubGlobal("EventSource", class extends EventTarget {
    close() {}
  });
  vi.stubGlobal("scrollTo", () => undefined);
  vi.stubGlobal("fetch", async (input: string) => {
    const { pathname, search, searchParams } = new URL(input, "http://localhost");
    asked.push(pathname.replace("/api/v1", "") + search);
    const isFiltered = searchParams.has("f") || searchParams.has("q");
    const content = pathname.endsWith("/trades") ? (trades ?? (isFiltered ? FILTERED : TRADES)) : pathname.endsWith("/trades/AAA") ? ACCOUNTS : pathname.endsWith("/accounts") ? page : { rows: [], total: 0 };
    return Promise.resolve(new Response(JSON.stringify(content)));
  });
  return asked;
}

function visit(address: string) {
  window.history.pushState(null, "", address);
  return draw(<RouterProvider router={buildRouter()} />);
}

const lines = async () => {
  const table = await screen.findByRole("table", { name: "Trades by security" });
  return within(table).getAllByRole("row").slice(1).map((row) => [...row.children].map((cell) => cell.textContent)).filter((cells) => cells.length === 6);
};

beforeEach(() => openMemory(ME.subject));

describe("the trades tab of a request", () => {
  it("is reached by keyboard, stands in the address, and comes back from it", async () => {
    const asked = serve();
    visit("/pending/7?sort=-market_value");
    const tab = await screen.findByRole("tab", { name: "Accounts", selected: true });
    tab.focus();
    await userEvent.keyboard("{ArrowRight}");
    expect(await screen.findByRole("tab", { name: "Trades by security", selected: true })).toHaveFocus();
    expect(window.location.search).toBe("?sort=-market_value&tab=trades");
    expect(await lines()).toEqual([
      ["▸ AAA", "4 $400 in 1", "16.5 $1,650 in 2", "(12.5) ($1,250)", "3 ", "$2,050 "],
      ["All accounts 1 security", "$400", "$1,650", "($1,250)", "3 orders", "$2,050"],
    ]);
    await userEvent.keyboard("{ArrowLeft}");
    expect(await screen.findByRole("tab", { name: "Accounts", selected: true })).toHaveFocus();
    expect(screen.queryByRole("table", { name: "Trades by security" })).toBeNull();
    expect(window.location.search).toBe("?sort=-market_value");
    expect(asked.filter((path) => path.includes("/trades"))).toEqual(["/batches/7/trades"]);
  });

  it("shows what the filter leaves, and of how much", async () => {
    const asked = serve();
    visit("/pending/7?tab=trades&f=sells.gte.1");
    expect(await lines()).toEqual([
      ["▸ AAA", "0", "10 $1,000 in 1", "(10) ($1,000)", "1 of 3 in all", "$1,000 of $2,050 in all"],
      ["Filtered 1 security", "$400", "$1,650", "($1,250)", "1 order", "$1,000"],
      ["All accounts 1 security", "$400", "$1,650", "($1,250)", "3 orders", "$2,050"],
    ]);
    expect(asked).toContain("/batches/7/trades?f=sells.gte.1");
  });

  it("keeps the tab of a link where a filter is remembered", async () => {
    serve();
    const first = visit("/pending/7?f=sells.gte.1");
    await screen.findByRole("tab", { name: "Accounts", selected: true });
    first.unmount();
    visit("/pending/7?tab=trades");
    await screen.findByRole("tab", { name: "Trades by security", selected: true });
    expect(window.location.search).toBe("?tab=trades&f=sells.gte.1");
  });

  it.each([
    ["/pending/7?tab=trades", "PENDING_APPROVAL", "/pending/7/accounts/A1?tab=trades"],
    ["/history/7?tab=trades", "APPROVED", "/history/7/accounts/A1?tab=trades"],
  ] as const)("opens a security to its accounts, each a way to its page: %s", async (address, status, to) => {
    serve(status);
    visit(address);
    const security = await screen.findByRole("button", { name: "AAA: accounts that trade it" });
    security.focus();
    await userEvent.keyboard("{Enter}");
    const accounts = await screen.findByRole("table", { name: "Accounts that trade AAA" });
    expect(security).toHaveAttribute("aria-expanded", "true");
    expect(within(accounts).getByRole("row", { name: "00A1 One Sell 10 $100.00 $1,000.00" })).toBeVisible();
    expect(within(accounts).getByRole("link", { name: "00A1" })).toHaveAttribute("href", to);
    const { violations } = await axe.run(screen.getByRole("tabpanel"), { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
    expect(violations.map(({ id }) => id)).toEqual([]);
    await userEvent.keyboard("{Enter}");
    expect(screen.queryByRole("table", { name: "Accounts that trade AAA" })).toBeNull();
  });

  it("says so where nothing is traded", async () => {
    serve("PENDING_APPROVAL", { ...TRADES, rows: [], all: { ...SUMS, orders: 0 } });
    visit("/pending/7?tab=trades");
    expect(await screen.findByText("No account of this request trades anything.")).toBeVisible();
  });

  it("drops a tab that there is not", async () => {
    serve();
    visit("/pending/7?tab=lots");
    await screen.findByRole("tab", { name: "Accounts", selected: true });
  });
});
