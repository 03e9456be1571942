import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { describe, expect, it } from "vitest";

import { PositionTable } from "@/features/batches/account/PositionTable";
import type { PositionView } from "@/shared/api/models";
import { minus, plain, scaled } from "@/shared/format/decimal";
import { aPosition, aProposal, aSlice, draw } from "@/test/render";

const sold = (short_term: string, long_term: string, more: Partial<PositionView> = {}) => ({ short_term, long_term, unknown_term: "0.00", estimated: "0.00", no_basis_proceeds: "0.00", ...more });
const BEST = aProposal(
  {
    positions: [aPosition("AAA", sold("5256.01", "-100.02")), aPosition("BBB", sold("-0.02", "8337.10", { no_basis_proceeds: "20.00", unknown_term: "1.00" })), aPosition("CCC")],
    trades: [{ sleeve_id: "APM", security_id: "AAA", side: "SELL", quantity: "10", crossed: "2", market: "8", value: "1000.00", reason: "TO_TARGET", sentence: "It is above its target." }],
    slices: [aSlice({ lot_id: "L1", term: "SHORT", days_to_long_term: 5 }), aSlice({ lot_id: "L2", security_id: "BBB" })],
  },
  { short_term: "5255.99", long_term: "8237.08", unknown_term: "1.00", no_basis_proceeds: "20.00" },
);
const MIN = aProposal({ logic: "MIN_TRANSACTION", positions: [aPosition("AAA", sold("0.00", "10.50")), aPosition("BBB"), aPosition("CCC")] }, { short_term: "0.00", long_term: "10.50" });

const show = () => draw(<PositionTable proposals={[BEST, MIN]} inForce="BEST_FIT" shown={BEST} />);
const table = () => screen.getByRole("table", { name: "Positions" });
const cells = (name: RegExp) => within(within(table()).getByRole("row", { name })).getAllByRole("cell").map((cell) => cell.textContent);

describe("the positions of an account in a request", () => {
  it("show short-term and long-term gains under each logic side by side, and the account's sums beneath", () => {
    show();
    expect(within(table()).getAllByRole("columnheader").map((header) => header.textContent.trim())).toEqual([
      "Position", "Target", "Weight before → after", "Trade (Best Fit)", "Best Fit In force", "Min Transaction", "Short-term", "Long-term", "Short-term", "Long-term",
    ]);
    expect(cells(/^AAA/).slice(3)).toEqual(["$5,256.01 gain", "($100.02) loss", "$0.00", "$10.50 gain"]);
    expect(cells(/^BBB/).slice(3)).toEqual(["($0.02) loss", "$8,337.10 gain$1.00 of unknown term$20.00 without cost basis", "–nothing sold", "–nothing sold"]);
    expect(cells(/^Account/)).toEqual(["$5,255.99 gain", "$8,237.08 gain$1.00 of unknown term$20.00 without cost basis", "$0.00", "$10.50 gain"]);
  });

  it("adds up to the cent", () => {
    for (const proposal of [BEST, MIN]) {
      for (const term of ["short_term", "long_term"] as const) {
        let rest = scaled(proposal.row[term] ?? "0");
        for (const position of proposal.positions) rest = rest && minus(rest, scaled(position[term] ?? "0") ?? rest);
        expect(rest && plain(rest)).toBe("0");
      }
    }
  });

  it("shows target, band, weight before and after, and the trade", () => {
    show();
    expect(cells(/^AAA/).slice(0, 3)).toEqual(["5.0%4.0% to 6.0%", expect.stringContaining("6.0% → 5.0%"), "Sell 10$1,000.00 · To target2 of it crossed inside"]);
    expect(within(table()).getByRole("img", { name: "AAA from 6.0% to 5.0%, target 5.0%, band 4.0% to 6.0%" })).toBeVisible();
    expect(cells(/^CCC/)[2]).toBe("No trade");
  });

  it("opens lots, units and the reason in their place, by keyboard", async () => {
    const { container } = show();
    const opener = screen.getByRole("button", { name: "AAA in sleeve APM: details and lots" });
    expect(opener).toHaveAttribute("aria-expanded", "false");
    opener.focus();
    await userEvent.keyboard("{Enter}");
    expect(opener).toHaveAttribute("aria-expanded", "true");
    expect(screen.getByText("It is above its target.")).toBeVisible();
    const lots = within(screen.getByRole("table", { name: "Lots of AAA in sleeve APM" })).getAllByRole("row");
    expect(lots).toHaveLength(2);
    expect(lots[1]).toHaveTextContent("5 days until long-term");
    const { violations } = await axe.run(container, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
    expect(violations.map(({ id }) => id)).toEqual([]);
    await userEvent.keyboard("{Enter}");
    expect(screen.queryByRole("table", { name: "Lots of AAA in sleeve APM" })).toBeNull();
  });
});
