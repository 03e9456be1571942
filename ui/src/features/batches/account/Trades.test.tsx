import { screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { Trades } from "@/features/batches/account/Trades";
import type { Proposal, TradeView } from "@/shared/api/models";
import { draw } from "@/test/render";

const LIMITS = "The account's gain limits (at most $0.00 in all) do not allow all of Best Fit's sells.";
const TRADE: TradeView = {
  sleeve_id: "APM",
  security_id: "AAPL",
  side: "SELL",
  quantity: "5",
  crossed: "0",
  market: "5",
  value: "500.00",
  reason: "TO_TARGET",
  sentence: "It is above its target. The gain limits of the account keep 5 units more of it from being sold.",
};

function proposal(part: Partial<Proposal>, result = ""): Proposal {
  const row = { result } as Proposal["row"];
  return { logic: "TAX_AWARE", row, no_trade_reason: null, limit_reason: null, cash_equivalents: "0.00", positions: [], trades: [], orders: [], slices: [], picks: [], earlier_losses: [], transfers: [], ...part };
}

describe("the trades of a logic", () => {
  it("say what gain limits keep from being traded", () => {
    draw(<Trades proposal={proposal({ trades: [TRADE], limit_reason: LIMITS })} />);
    expect(screen.getByText(LIMITS)).toBeInTheDocument();
    expect(screen.getByText(/keep 5 units more of it from being sold/)).toBeInTheDocument();
  });

  it("say why there are none, or why the logic could not propose", () => {
    draw(<Trades proposal={proposal({ no_trade_reason: `Tax-aware trades nothing. ${LIMITS}` })} />);
    expect(screen.getByText(/Tax-aware trades nothing/)).toBeInTheDocument();
    draw(<Trades proposal={proposal({}, "Cash stays below the reserve.")} />);
    expect(screen.getByText("Cash stays below the reserve.")).toBeInTheDocument();
  });
});
