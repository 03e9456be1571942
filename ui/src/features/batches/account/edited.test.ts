import { describe, expect, it } from "vitest";

import { bodyOf, fault, isSame, linesOf, stepped } from "@/features/batches/account/edited";
import type { EditView, OrderView } from "@/shared/api/models";

const order = (security_id: string, quantity: string, side: OrderView["side"] = "SELL"): OrderView => ({ security_id, side, quantity, price: "10", value: "100.00", reason: "TO_TARGET" });
const EDIT: EditView = {
  logic: "BEST_FIT", by: "Pat", at: "2026-06-12T14:00:00Z", note: "Why.",
  orders: [{ security_id: "AAA", side: "SELL", proposed: "10", quantity: "4" }, { security_id: "BBB", side: "BUY", proposed: "3", quantity: "0" }],
};

describe("the orders of an account", () => {
  it("hold what was proposed beside what a person made of it, also where nothing is left", () => {
    const lines = linesOf([order("AAA", "4"), order("CCC", "7.5")], EDIT).map(({ security_id, side, proposed, quantity }) => [security_id, side, proposed, quantity]);
    expect(lines).toEqual([["AAA", "SELL", "10", "4"], ["CCC", "SELL", "7.5", "7.5"], ["BBB", "BUY", "3", "0"]]);
  });

  it("are sent where they are not as proposed; all of them where everything is as proposed again", () => {
    const lines = linesOf([order("AAA", "4"), order("CCC", "1234.5")], EDIT);
    const draft = { of: "x", note: " Less. ", quantities: { CCC: "1,000" } };
    expect(bodyOf(lines, draft)).toEqual({ note: "Less.", trades: [{ security_id: "AAA", quantity: "4" }, { security_id: "CCC", quantity: "1000" }, { security_id: "BBB", quantity: "0" }] });
    const undone = { of: "x", note: "", quantities: { AAA: "10", BBB: "3.0" } };
    expect(bodyOf(lines, undone).trades).toEqual([{ security_id: "AAA", quantity: "10" }, { security_id: "CCC", quantity: "1234.5" }, { security_id: "BBB", quantity: "3.0" }]);
  });
});

describe("a typed quantity", () => {
  it.each([["10", null], ["1,000.5", null], ["0", null], ["", /Type a number/], ["-1", /Type a number/], ["1e3", /Type a number/], ["1.0000001", /six decimals/]])("%j", (text, says) => {
    if (says === null) expect(fault(text)).toBeNull();
    else expect(fault(text)).toMatch(says);
  });

  it.each([["10", 1, "11"], ["10", -1, "9"], ["0.5", -1, "0"], ["0.5", 1, "1.5"], ["0", -1, "0"], ["abc", 1, "abc"], ["9007199254740993", 1, "9007199254740994"]] as const)("%j by %d is %j", (text, by, next) => {
    expect(stepped(text, by)).toBe(next);
  });

  it("is the same whatever zeros and commas it is written with", () => {
    expect(isSame("1,000.50", "1000.5")).toBe(true);
    expect(isSame("1000", "1001")).toBe(false);
    expect(isSame("", "")).toBe(false);
  });
});
