import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { describe, expect, it, vi } from "vitest";

import { LogicSwitch } from "@/features/batches/commands/LogicSwitch";
import type { LogicComparison, LogicEffect, Totals } from "@/shared/api/models";
import { aBatch, aServer, draw, json, problem } from "@/test/render";

const ZERO = "0.00";
const TOTALS: Totals = {
  accounts: 10, market_value: "1000.00", buys: 2, buys_value: "20.00", sells: 3, sells_value: "30.00", flats: 0, flats_value: ZERO, short_term: "300.00", long_term: "-100.00",
  estimated: "200.00", no_basis_proceeds: ZERO, non_taxable: 0, non_taxable_short_term: ZERO, non_taxable_long_term: ZERO, non_taxable_estimated: ZERO,
  non_taxable_no_basis_proceeds: ZERO, wash_disallowed: ZERO, wash_permanent: ZERO, wash_unchecked: 0, wash_earlier: ZERO, wash_earlier_permanent: ZERO, over_budget: 3,
  budget_unchecked: 0, failed: 0, removed: 0,
};

const effect = (logic: LogicEffect["logic"], totals: Partial<Totals> = {}, part: Partial<LogicEffect> = {}): LogicEffect => ({
  logic, is_available: true, unproposed: 0, totals: { ...TOTALS, ...totals }, drift_value: "1200.00", drift: "0.0014", drift_unknown: 0, ...part,
});

const compared = (...logics: LogicEffect[]): LogicComparison => ({ batch_id: 7, version: 3, logics });
const BOTH = compared(effect("BEST_FIT"), effect("TAX_AWARE", { short_term: ZERO, estimated: "-100.00", buys: 1, over_budget: 0 }, { drift: "0.004", drift_value: "3400.00", drift_unknown: 1 }));

const rowsOf = (table: HTMLElement) => within(table).getAllByRole("row").map((row) => [...row.children].map((cell) => cell.textContent));

async function ask(...responses: Parameters<typeof aServer>) {
  const server = aServer(...responses);
  vi.stubGlobal("fetch", server.fetch);
  const drawn = draw(<LogicSwitch batch={aBatch()} />);
  await userEvent.click(screen.getByRole("radio", { name: "Tax Aware" }));
  return { server, dialog: await screen.findByRole("dialog", { name: "Use Tax Aware for request 7?" }), ...drawn };
}

describe("the trade logic of a request", () => {
  it("is one of three, Best Fit unless told otherwise, and changes only once confirmed", async () => {
    const { server, dialog } = await ask(json(BOTH), problem(409, "logic_unavailable"));
    expect(screen.getAllByRole("radio", { hidden: true }).map((radio) => (radio as HTMLInputElement).value)).toEqual(["BEST_FIT", "MIN_TRANSACTION", "TAX_AWARE"]);
    expect(screen.getByRole("radio", { name: "Best Fit", hidden: true })).toBeChecked();
    expect(dialog).toHaveTextContent("as near to target as each account's gain limits allow");
    await within(dialog).findByRole("table");
    expect(server.calls.map(({ path }) => path)).toEqual(["/api/v1/batches/7/logics"]);
    await userEvent.click(screen.getByRole("button", { name: "Use Tax Aware" }));
    await vi.waitFor(() => expect(server.calls[1]?.body).toEqual({ logic: "TAX_AWARE" }));
    expect(server.calls[1]?.headers.get("If-Match")).toBe('"3"');
  });

  it("shows what would change beside what is in force", async () => {
    const { dialog } = await ask(json(BOTH));
    const table = await within(dialog).findByRole("table", { name: "Best Fit and Tax Aware" });
    const [head, ...lines] = rowsOf(table);
    expect(head).toEqual(["10 accounts", "Best Fit (in force)", "Tax Aware"]);
    expect(lines).toEqual([
      ["Short-term G&L", "$300 gain", "$0"],
      ["Long-term G&L", "($100) loss", "($100) loss"],
      ["Estimated realized G&L", "$200 gain", "($100) loss"],
      ["Orders", "5", "4"],
      ["Market value of buys", "$20", "$20"],
      ["Market value of sells", "$30", "$30"],
      ["Drift left", "0.14% $1,200", "0.40% $3,4001 account not known"],
      ["Accounts over a gain budget", "3", "0"],
    ]);
    const { violations } = await axe.run(table, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
    expect(violations.map(({ id }) => id)).toEqual([]);
  });

  it("shows gains of accounts that are not taxable apart, and accounts that it proposes nothing for", async () => {
    const apart = { non_taxable: 2, non_taxable_estimated: "66.00" };
    const { dialog } = await ask(json(compared(effect("BEST_FIT", apart), effect("TAX_AWARE", apart, { unproposed: 2, drift: null }))));
    const lines = rowsOf(await within(dialog).findByRole("table"));
    expect(lines).toContainEqual(["The same, of non-taxable accounts", "$66 gain", "$66 gain"]);
    expect(lines).toContainEqual(["Accounts it proposes nothing for", "0", "2"]);
    expect(lines).toContainEqual(["Drift left", "0.14% $1,200", "– "]);
    expect(dialog).toHaveTextContent("2 accounts would become stale, as Tax Aware proposes nothing for them: remove them before approval, or keep Best Fit.");
  });

  it.each([
    ["for none", compared(effect("BEST_FIT"))],
    ["for some", compared(effect("BEST_FIT"), effect("TAX_AWARE", {}, { is_available: false }))],
  ])("cannot be one that was computed %s of the accounts", async (_, found) => {
    const { dialog } = await ask(json(found));
    expect(await within(dialog).findByText(/Tax Aware was not computed for every account/)).toBeVisible();
    expect(screen.getByRole("button", { name: "Use Tax Aware" })).toBeDisabled();
  });

  it("cannot be confirmed before its effect is there, and says so where it cannot be found out", async () => {
    let respond: (response: Response) => void = () => undefined;
    const { dialog } = await ask(() => new Promise<Response>((resolve) => (respond = resolve)));
    expect(screen.getByRole("button", { name: "Use Tax Aware" })).toBeDisabled();
    respond(problem(503, "unavailable")());
    expect(await within(dialog).findByText(/Detail of unavailable/)).toBeVisible();
    expect(screen.getByRole("button", { name: "Use Tax Aware" })).toBeEnabled();
  });

  it("says how many edited trades it would drop, and drops them only once that is confirmed too", async () => {
    const { server } = await ask(json(BOTH), problem(409, "edits_dropped", { count: 2 }), json(BOTH), json({ batch: aBatch({ logic: "TAX_AWARE" }), accounts: 9 }));
    await userEvent.click(await screen.findByRole("button", { name: "Use Tax Aware" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("2 accounts have edited trades. They are dropped, and they are proposed again.");
    await userEvent.click(screen.getByRole("button", { name: "Drop the edits and use it" }));
    await vi.waitFor(() => expect(server.calls.at(3)?.body).toEqual({ logic: "TAX_AWARE", drop_edits: true }));
  });
});
