import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import type { ReactNode } from "react";
import { describe, expect, it, vi } from "vitest";

import { attentionNames, toggled } from "@/features/batches/request/attention";
import { AttentionChips } from "@/features/batches/request/AttentionChips";
import { requestColumns } from "@/features/batches/request/columns";
import { ResultCell } from "@/features/batches/request/ResultCell";
import { standing } from "@/features/batches/request/standing";
import { TotalsStrip } from "@/features/batches/request/TotalsStrip";
import type { BatchAccountRow, Totals } from "@/shared/api/models";
import { ATTENTION } from "@/shared/api/rules";
import { aBatch, aRow, draw } from "@/test/render";

const shown = (element: ReactNode) => draw(<div className="shown">{element}</div>).container.querySelector(".shown")?.textContent;
const EXCESS = { limit: "TOTAL", budget: "2189.00", gains: "5256.00", sentence: "It realises more." } as const;

describe("the result of a row", () => {
  it("says only what is not as usual: a proposed account shows nothing", () => {
    const { container } = draw(<ResultCell row={aRow()} />);
    expect(container.querySelectorAll(".tag, .note")).toHaveLength(0);
    expect(container).toHaveTextContent("Proposed"); // to readers
  });

  it.each([
    [{ state: "FAILED", result: "Price of AAA is missing." }, "FailedPrice of AAA is missing."],
    [{ state: "REMOVED", result: "Removed by Jo.", excesses: [EXCESS] }, "RemovedRemoved by Jo."],
    [{ stale: true }, "ProposedStale"],
    [{ excesses: [EXCESS] }, "ProposedOver budget: $5,256 of $2,189"],
    [{ excesses: [{ ...EXCESS, limit: "NO_SHORT_TERM", budget: "0.00" }] }, "ProposedShort-term $5,256, none allowed"],
    [{ no_basis_proceeds: "10.00" }, "ProposedNo cost basis"],
    [{ state: "APPROVED" }, "Complete"],
  ] satisfies [Partial<BatchAccountRow>, string][])("%#", (row, expected) => {
    expect(shown(<ResultCell row={aRow(row)} />)).toBe(expected);
  });
});

describe("how a request stands", () => {
  it.each([
    [{ proposed: 294, removed: 82, failed: 1 }, "294 to approve, 82 removed, 1 failed"],
    [{ proposed: 0, approved: 294, removed: 82, failed: 1 }, "294 approved, 82 removed, 1 failed"],
    [{ proposed: 0, cancelled: 10 }, "10 not traded"],
    [{ proposed: 4, working: 6 }, "6 in work, 4 to approve"],
  ])("%#", (counts, expected) => {
    expect(standing(aBatch({ counts: { ...aBatch().counts, ...counts } }))).toBe(expected);
  });
});

const COUNTS = { over_budget: 3, short_term_gain: 12, wash_sale: 0, unknown_basis: 0, large_turnover: 2, stale: 1, failed: 0 };

describe("the chips of what asks for a look", () => {
  it("shows those with accounts, with the counts of the whole request, and asks for them", async () => {
    const onChange = vi.fn();
    const { container } = draw(<AttentionChips counts={COUNTS} f={["buys.gte.1"]} onChange={onChange} />);
    expect(screen.getAllByRole("button").map((chip) => chip.textContent)).toEqual(["Over gain budget 3", "Short-term gains 12", "Large turnover 2", "Stale 1"]);
    await userEvent.click(screen.getByRole("button", { name: /Short-term/ }));
    expect(onChange).toHaveBeenCalledWith(["buys.gte.1", "attention.in.SHORT_TERM_GAIN"]);
    const { violations } = await axe.run(container, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
    expect(violations.map(({ id }) => id)).toEqual([]);
  });

  it("shows what is asked for even where nothing is left of it, so that it can be taken back", async () => {
    const onChange = vi.fn();
    draw(<AttentionChips counts={COUNTS} f={["attention.in.WASH_SALE|STALE"]} onChange={onChange} />);
    const wash = screen.getByRole("button", { name: "Wash sales 0" });
    expect(wash).toHaveAttribute("aria-pressed", "true");
    await userEvent.click(wash);
    expect(onChange).toHaveBeenCalledWith(["attention.in.STALE"]);
  });

  it("says so where nothing asks for a look", () => {
    draw(<AttentionChips counts={{ ...COUNTS, over_budget: 0, short_term_gain: 0, large_turnover: 0, stale: 0 }} f={[]} onChange={vi.fn()} />);
    expect(screen.getByText(/No account is over a gain budget/)).toBeVisible();
  });

  it("has a name for each, and takes each back", () => {
    for (const kind of ATTENTION) {
      expect(attentionNames[kind]).not.toBe("");
      expect(toggled(toggled(["q.eq.1"], kind), kind)).toEqual(["q.eq.1"]);
    }
  });
});

const ZERO = "0.00";
const TOTALS: Totals = {
  accounts: 4, market_value: "1000.00", buys: 2, buys_value: "20.00", sells: 3, sells_value: "30.00", flats: 1, flats_value: "5.00", short_term: "300.00", long_term: "-100.00",
  estimated: "200.00", no_basis_proceeds: ZERO, non_taxable: 2, non_taxable_short_term: "65.00", non_taxable_long_term: "1.00", non_taxable_estimated: "66.00",
  non_taxable_no_basis_proceeds: "9.00", wash_disallowed: "40.00", wash_permanent: ZERO, wash_unchecked: 0, wash_earlier: ZERO, wash_earlier_permanent: ZERO, over_budget: 3,
  budget_unchecked: 1, failed: 1, removed: 82,
};

describe("the sums of a request", () => {
  const lines = () => screen.getAllByRole("row").slice(1).map((row) => within(row).getAllByRole("cell").map((cell) => cell.textContent));

  it("show gains of taxable and of non-taxable accounts apart, and say which rows add up to them", () => {
    draw(<TotalsStrip all={TOTALS} filtered={TOTALS} isFiltered={false} />);
    const [all, apart] = lines();
    expect(lines()).toHaveLength(2);
    expect(all?.slice(0, 2)).toEqual(["All accountsgains: taxable", "4"]);
    expect(all?.slice(6, 9)).toEqual(["$300 gain", "($100) loss", "$200 gain"]);
    expect(all?.slice(10)).toEqual(["31 not checked", "1", "82"]);
    expect(apart).toEqual(["Non-taxable", "2", "", "", "", "", "$65 gain", "$1 gain", "$66 gain + $9 without cost basis", "", "", "", ""]);
    const note = "Sums of 4 accounts. Failed and removed accounts are not counted in them. Gains of the 2 taxable accounts and of the 2 non-taxable ones stand apart: the rows add up to both together.";
    expect(screen.getByText(note)).toBeVisible();
  });

  it("say that all are taxable where they are, and show no other sums", () => {
    draw(<TotalsStrip all={{ ...TOTALS, non_taxable: 0, failed: 0, removed: 0 }} filtered={TOTALS} isFiltered={false} />);
    expect(screen.getByText("Sums of 4 accounts. All of these accounts are taxable.")).toBeVisible();
    expect(lines().map(([name]) => name)).toEqual(["All accounts"]);
  });

  it("has lines of its own for what the filter leaves", () => {
    draw(<TotalsStrip all={TOTALS} filtered={{ ...TOTALS, accounts: 1, non_taxable: 0 }} isFiltered />);
    expect(lines().map(([name, accounts]) => [name, accounts])).toEqual([["Filtered", "1"], ["All accountsgains: taxable", "4"], ["Non-taxable", "2"]]);
  });
});

describe("the columns of a request", () => {
  it.each(["open", "history"] as const)("put what decides first and inside 1280 pixels: %s", (shelf) => {
    const columns = requestColumns(shelf);
    const decides = ["account_number", "name", "result", "short_term", "long_term", "estimated", "wash_disallowed"];
    expect(columns.map(({ id }) => id).slice(0, decides.length)).toEqual(decides);
    const box = 40;
    const page = 1280 - 2 * 20 - 17; // less its margins and a scroll bar
    const width = columns.slice(0, decides.length).reduce((sum, column) => sum + column.width, box);
    expect(width).toBeLessThan(page);
  });

  it("mark gains of accounts that are not taxable, and proceeds without cost basis, which are never $0", () => {
    const cell = (id: string, row: Partial<BatchAccountRow>) => shown(requestColumns("open").find((column) => column.id === id)?.cell(aRow(row)));
    expect(cell("short_term", { short_term: "65.00" })).toBe("$65 gain");
    expect(cell("short_term", { short_term: "65.00", taxable: false })).toBe("$65 gain not taxable");
    expect(cell("estimated", { estimated: "10.00", no_basis_proceeds: "9.00" })).toBe("$10 gain + ? and $9.00 of proceeds without cost basis");
    expect(cell("estimated", { estimated: "0.00", no_basis_proceeds: "9.00" })).toBe("– no cost basis");
    expect(cell("over_budget", { over_budget: null })).toBe("–not checked");
  });
});
