import type { ReactNode } from "react";
import { describe, expect, it } from "vitest";

import { Disallowed, DisallowedTotal } from "@/features/batches/request/Disallowed";
import type { Totals } from "@/shared/api/models";
import { aRow, draw } from "@/test/render";

const text = (element: ReactNode) => draw(element).container.textContent;

describe("losses disallowed by wash sales", () => {
  it.each([
    [aRow({ wash_disallowed: "40.25" }), "$40"],
    [aRow({ wash_disallowed: "50.00", wash_permanent: "10.00" }), "Permanent $10$50"],
    [aRow(), "$0"],
    [aRow({ wash_disallowed: null, wash_permanent: null }), "–not checked"],
    [aRow({ taxable: false }), "not taxed"],
  ])("of an account: %#", (row, expected) => {
    expect(text(<Disallowed row={row} />)).toContain(expected);
  });

  it("add up, and say how many accounts were not checked", () => {
    const totals = { wash_disallowed: "120.00", wash_permanent: "20.00", wash_unchecked: 1 } as Totals;
    expect(text(<DisallowedTotal totals={totals} />)).toContain("$120 $20 permanent 1 account not checked");
    expect(text(<DisallowedTotal totals={{ ...totals, wash_permanent: "0.00", wash_unchecked: 0 }} />)).not.toMatch(/permanent|not checked/);
  });
});
