import { screen, within } from "@testing-library/react";
import axe from "axe-core";
import { describe, expect, it } from "vitest";

import { Lots } from "@/features/batches/account/Lots";
import { aProposal, aSlice, draw } from "@/test/render";

const NOTE = "Checked for wash sales: as the server says.";

const cells = (table = "Lots sold") =>
  within(screen.getByRole("table", { name: table }))
    .getAllByRole("row")
    .slice(1)
    .map((row) => within(row).getAllByRole("cell").map((cell) => cell.textContent));

describe("lots of a proposal", () => {
  it("says how soon a short-term gain turns long-term, and nothing of others", () => {
    const slices = [aSlice({ lot_id: "L1", term: "SHORT", days_to_long_term: 5 }), aSlice({ lot_id: "L2", term: "SHORT", days_to_long_term: 1 }), aSlice({ lot_id: "L3" })];
    draw(<Lots proposal={aProposal({ slices })} washNote={NOTE} />);
    expect(cells().map((row) => row[8])).toEqual(["Short5 days until long-term", "Short1 day until long-term", "Long"]);
    expect(screen.queryByText("Wash sale")).toBeNull();
    expect(screen.getByText(NOTE)).toBeVisible();
  });

  it("shows the day from which a term counts, and that what was inherited is long-term whatever the date", () => {
    const slices = [
      aSlice({ acquired: "2025-12-10", holding_since: "2025-02-13" }),
      aSlice({ lot_id: "L2", acquired: "2025-09-01", first_long_term_day: null }),
      aSlice({ lot_id: "L3", acquired: null, term: "UNKNOWN", first_long_term_day: null }),
    ];
    draw(<Lots proposal={aProposal({ slices })} washNote={NOTE} />);
    const shown = cells().map((row) => [row[3], row[8]]);
    expect(shown[0]).toEqual(["Dec 10, 2025holding since Feb 13, 2025", "Long"]);
    expect(shown[1]).toEqual(["Sep 1, 2025", "Longwhatever the date"]);
    expect(shown[2]?.[0]).toBe("Not known");
  });

  it("shows which purchase disallows how much, and that a loss to an IRA is permanent", () => {
    const bought = { bought: "2026-06-01", source: "LOT", account_number: "0099", lot_id: "N1", permanent: false } as const;
    const washes = [
      { ...bought, quantity: "4", disallowed: "40.00" },
      { ...bought, quantity: "1", disallowed: "10.00", source: "PROPOSED", lot_id: null, permanent: true, account_number: null } as const,
    ];
    const proposal = aProposal({ slices: [aSlice({ gain: "-100.00", washes })] }, { wash_disallowed: "50.00", wash_permanent: "10.00" });
    draw(<Lots proposal={proposal} washNote={NOTE} />);
    expect(cells()[0]?.[10]).toBe(
      "$40.00 disallowed 4 bought Jun 1, 2026 in 0099, lot N1$10.00 disallowed 1 bought Jun 1, 2026 in another account of the household, buy of this request. IRA: the loss is permanent",
    );
    expect(screen.getByText(/\$50\.00 of the losses would be disallowed, \$10\.00 of it for good by purchases in an IRA\./)).toBeVisible();
  });

  it("shows what the account picked, and how much of it is sold, beside what leaves after it", async () => {
    const slices = [aSlice({ lot_id: "L1", quantity: "4", picked: "0" }), aSlice({ lot_id: "L2", quantity: "6", picked: "6" })];
    const picks = [
      { security_id: "AAA", lot_id: "L2", sleeve_id: "APM", quantity: "6", sold: "6" },
      { security_id: "BBB", lot_id: "L7", sleeve_id: null, quantity: "2.5", sold: "0" },
    ];
    const { container } = draw(<Lots proposal={aProposal({ slices, picks })} washNote={NOTE} />);
    expect(cells().map((row) => [row[2], row[10]])).toEqual([
      ["L1", "0"],
      ["L2", "6"],
    ]);
    expect(cells("Lots picked for sale")).toEqual([
      ["AAA", "L2", "APM", "6", "6"],
      ["BBB", "L7", "Wherever it stands", "2.5", "0"],
    ]);
    const { violations } = await axe.run(container, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
    expect(violations.map(({ id }) => id)).toEqual([]);
  });

  it("says nothing of picks where there are none", () => {
    draw(<Lots proposal={aProposal({ slices: [aSlice()] })} washNote={NOTE} />);
    expect(cells()[0]).toHaveLength(10);
    expect(screen.queryByText("Lots picked for sale")).toBeNull();
  });

  it("names the losses approved before that the account's buys disallow", () => {
    const loss = { security_id: "AAA", quantity: "10", disallowed: "100.00", permanent: false, trade_date: "2026-06-12", batch_id: 7, account_number: "00A1", lot_id: "L1" };
    const hidden = { ...loss, disallowed: "40.00", permanent: true, batch_id: null, account_number: null, lot_id: null };
    draw(<Lots proposal={aProposal({ earlier_losses: [loss, hidden] })} washNote={NOTE} />);
    expect(screen.getByText(/Buying 10 AAA disallows \$100\.00 of a loss approved before: account 00A1, request 7, traded Jun 12, 2026\./)).toBeVisible();
    expect(screen.getByText(/\$40\.00 of a loss approved before: another account of the household, .* IRA: the loss is permanent\./)).toBeVisible();
  });
});
