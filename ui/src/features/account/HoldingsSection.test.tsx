import { screen, within } from "@testing-library/react";
import axe from "axe-core";
import { describe, expect, it, vi } from "vitest";

import { HoldingsSection } from "@/features/account/HoldingsSection";
import type { AccountPositions, AccountSettings } from "@/shared/api/models";
import { aServer, draw, json } from "@/test/render";

function holdings(part: Partial<AccountSettings>): AccountPositions {
  const settings: AccountSettings = {
    rebalancer_on: true,
    do_not_trade: false,
    taxable: true,
    lot_method: "FIFO",
    gain_budget_short: null,
    gain_budget_total: null,
    no_short_term_gains: false,
    threshold: "0.2",
    precision: "0.04",
    floor: "0.005",
    cash_threshold: "0.2",
    cash_target: "0.02",
    min_trade_usd: "0.00",
    min_trade_weight: "0",
    cash_reserve: "0.00",
    cash_set_aside: "0.00",
    restrictions: [],
    lot_picks: [],
    ...part,
  };
  return {
    account_id: "A1",
    portfolio_id: "P1",
    facts_version: 1,
    lots_version: 1,
    as_of: "2026-06-11",
    price_set: 1,
    prices_as_of: "2026-06-11",
    state: "CLEAR",
    tiles: [],
    last_rebalanced: null,
    settling_since: null,
    epoch: 0,
    hold_code: null,
    hold_text: null,
    cash: "0.00",
    market_value: null,
    settings,
    positions: [],
    reasons: [],
  };
}

/** A position that is treated in some way; the sweep fund of 60 dollars unless more is said. */
function held(part: Partial<AccountPositions["positions"][number]>): AccountPositions["positions"][number] {
  const band = { target: "0", low: "0", high: "0", can_trigger: false, outside: false, price_factor: "1" as const };
  return { security_id: "SWEEP", sleeve_id: "APM", quantity: "60", price: "1", value: "60.00", weight: "0.06", role: "CASH_EQUIVALENT", ...band, ...part };
}

async function shown(part: Partial<AccountSettings>) {
  vi.stubGlobal("fetch", aServer(json(holdings(part))).fetch);
  const { container } = draw(<HoldingsSection accountId="A1" />);
  await screen.findByRole("heading", { name: "Settings" });
  return container;
}

describe("the settings of an account", () => {
  it("say which lots are picked for sale", async () => {
    const lot_picks = [
      { security_id: "AAA", lot_id: "L1", sleeve_id: null, quantity: "1" },
      { security_id: "BBB", lot_id: "L2", sleeve_id: "APM", quantity: "2.5" },
    ];
    const container = await shown({ lot_method: "SPECIFIC", lot_picks });
    const rows = within(screen.getByRole("table", { name: "Lots picked for sale" })).getAllByRole("row").slice(1);
    expect(rows.map((row) => within(row).getAllByRole("cell").map((cell) => cell.textContent))).toEqual([
      ["AAA", "L1", "Wherever it stands", "1"],
      ["BBB", "L2", "APM", "2.5"],
    ]);
    const { violations } = await axe.run(container, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
    expect(violations.map(({ id }) => id)).toEqual([]);
  });

  it("say that none is picked where lots could be", async () => {
    await shown({ lot_method: "SPECIFIC" });
    expect(screen.getByText("No lot is picked: the oldest lots leave first.")).toBeVisible();
  });

  it("name a substitute beside other restrictions and alone", async () => {
    const restrictions: AccountSettings["restrictions"] = [
      { security_id: "AAA", restrictions: [], substitute_id: "BBB" },
      { security_id: "CCC", restrictions: ["DO_NOT_BUY"], substitute_id: "DDD" },
    ];
    await shown({ restrictions });
    expect(screen.getByText("AAA: substitute BBB; CCC: do not buy, substitute DDD")).toBeVisible();
  });

  it("do not speak of picks under another lot method", async () => {
    await shown({});
    expect(screen.queryByText("Lots picked for sale")).toBeNull();
  });
});

describe("positions that are not traded", () => {
  it("are grey and say why", async () => {
    const positions = [held({}), held({ security_id: "CALL", role: "EXCLUDED", quantity: "-5", price: null, value: null, weight: null }), held({ security_id: "STOCK", role: "MANAGED" })];
    vi.stubGlobal("fetch", aServer(json({ ...holdings({}), cash_equivalents: "60.00", positions })).fetch);
    draw(<HoldingsSection accountId="A1" />);
    const rows = within(await screen.findByRole("table", { name: "Positions" })).getAllByRole("row").slice(1);
    expect(rows.map((row) => row.getAttribute("data-muted"))).toEqual(["true", "true", "false"]);
    expect(within(rows[0] as HTMLElement).getByText("Counts as cash, is never traded")).toBeVisible();
    expect(within(rows[1] as HTMLElement).getByText("Not counted")).toBeVisible();
    expect(rows.map((row) => within(row).queryByRole("img") !== null)).toEqual([false, false, true]); // a band is for what is traded
    expect(within(rows[0] as HTMLElement).queryByText("Inside")).toBeNull();
    expect(screen.getByText(/Of its cash \$60.00 is in cash equivalents/)).toBeVisible();
  });
});

describe("positions whose target a substitute takes over", () => {
  const replaced = held({ security_id: "AAA", role: "MANAGED", target: "0.2", portfolio_target: "0.6000000003", replaced_by: "CCC", replaces: [] });
  const substitute = held({ security_id: "CCC", role: "MANAGED", weight: "0", target: "0.4", low: "0.32", high: "0.48", outside: true, portfolio_target: "0", replaced_by: null, replaces: ["AAA"] });

  async function rows(state: AccountPositions["state"]) {
    vi.stubGlobal("fetch", aServer(json({ ...holdings({}), state, positions: [replaced, substitute] })).fetch);
    draw(<HoldingsSection accountId="A1" />);
    const found = within(await screen.findByRole("table", { name: "Positions" })).getAllByRole("row").slice(1);
    return found.map((row) => within(row).getAllByRole("cell").map((cell) => cell.textContent));
  }

  it("show the target as flags judge it, the portfolio's beneath, and which stands in for which", async () => {
    const [first, second] = await rows("FLAGGED");
    expect([first?.[1], first?.[6], first?.[8]]).toEqual(["AAAsubstituted by CCC", "20.00%portfolio: 60.00%", "Inside"]);
    expect([second?.[1], second?.[6], second?.[7], second?.[8]]).toEqual(["CCCsubstitute for AAA", "40.00%portfolio: 0.00%", "32.00% to 48.00%", "Outside"]);
  });

  it.each(["HELD", "NO_TARGET", "SETTLING", "OFF"] as const)("say nothing of bands that were not compared: %s", async (state) => {
    expect((await rows(state)).map((row) => row[8])).toEqual(["–", "–"]);
  });
});
