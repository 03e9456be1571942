import { screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { Comparison } from "@/features/batches/account/Comparison";
import { aPosition, aProposal, draw } from "@/test/render";

describe("the logics side by side", () => {
  it("counts as left outside their band only positions that may be traded, band edges being inside", () => {
    const untraded = { weight_after: "0.028", low: "0", high: "0" };
    const positions = [
      aPosition("ABOVE", { weight_after: "0.060000001" }),
      aPosition("BELOW", { weight_after: "0.039999999" }),
      aPosition("EDGE", { weight_after: "0.06" }),
      aPosition("PENSION", { ...untraded, role: "LOCKED" }),
      aPosition("OPTION", { ...untraded, role: "EXCLUDED" }),
      aPosition("SWEEP", { ...untraded, role: "CASH_EQUIVALENT" }),
    ];
    draw(<Comparison proposals={[aProposal({ positions })]} inForce="BEST_FIT" />);
    expect(screen.getByRole("row", { name: "Positions left outside band 2 positions" })).toBeVisible();
  });
});
