import { describe, expect, it } from "vitest";

import { compared } from "@/features/batches/account/compared";
import type { OrderView, Proposal } from "@/shared/api/models";
import { aProposal } from "@/test/render";

const order: OrderView = { security_id: "AAA", side: "SELL", quantity: "1", price: "1", value: "1.00", reason: "TO_TARGET" };

function a(logic: Proposal["logic"], estimated: string | null, orders: number, drift_after: string | null, more: Partial<Proposal["row"]> = {}): Proposal {
  return aProposal({ logic, orders: Array.from({ length: orders }, () => order), drift_after, no_trade_reason: "Nothing needs to be traded." }, { estimated, ...more });
}

describe("the comparison in a sentence", () => {
  const best = a("BEST_FIT", "10526.40", 9, "0.001");
  it.each([
    [a("MIN_TRANSACTION", "2189.10", 4, "0.004"), "Min Transaction realises $8,337.30 less, sends 5 orders fewer and leaves 0.4% drift instead of 0.1%."],
    [a("TAX_AWARE", "10526.41", 10, "0.001"), "Tax Aware realises $0.01 more, sends 1 order more and leaves the same drift, 0.1%."],
    [a("TAX_AWARE", "10526.40", 9, "0.002"), "Tax Aware realises the same and leaves 0.2% drift instead of 0.1%."],
    [a("TAX_AWARE", "-473.60", 9, null), "Tax Aware realises $11,000.00 less."],
    [a("TAX_AWARE", "0.00", 9, "0.001", { no_basis_proceeds: "5.00" }), "Tax Aware realises $10,526.40 less of what is known and leaves the same drift, 0.1%."],
    [a("TAX_AWARE", null, 9, "0.001"), "Tax Aware realises a gain that is not known and leaves the same drift, 0.1%."],
  ])("%#", (other, sentence) => {
    expect(compared(other, best)).toBe(sentence);
  });

  it("says why a logic could not propose", () => {
    const failed = aProposal({ logic: "TAX_AWARE" }, { result: "Cash stays below the reserve." });
    expect(compared(failed, best)).toBe("Tax Aware could not propose for this account: Cash stays below the reserve.");
    expect(compared(best, failed)).toBe("Best Fit could propose: it realises $10,526.40 and leaves 0.1% drift.");
  });
});
