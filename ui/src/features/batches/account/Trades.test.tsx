import { screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { Orders, TradeNotes } from "@/features/batches/account/Trades";
import type { TradeView } from "@/shared/api/models";
import { aProposal, draw } from "@/test/render";

const LIMITS = "The account's gain limits (at most $0.00 in all) do not allow all of Best Fit's sells.";
const TRADE: TradeView = { sleeve_id: "APM", security_id: "AAPL", side: "SELL", quantity: "5", crossed: "5", market: "0", value: "500.00", reason: "NETTED", sentence: "Crossed." };

describe("the trades of a logic", () => {
  it("say what gain limits keep from being traded", () => {
    draw(<TradeNotes proposal={aProposal({ trades: [TRADE], limit_reason: LIMITS })} />);
    expect(screen.getByText(LIMITS)).toBeInTheDocument();
  });

  it("say why there are none, or why the logic could not propose", () => {
    draw(<TradeNotes proposal={aProposal({ no_trade_reason: `Tax-aware trades nothing. ${LIMITS}` })} />);
    expect(screen.getByText(/Tax-aware trades nothing/)).toBeInTheDocument();
    draw(<TradeNotes proposal={aProposal({}, { result: "Cash stays below the reserve." })} />);
    expect(screen.getByText("Cash stays below the reserve.")).toBeInTheDocument();
  });

  it("say when all of it nets inside the account", () => {
    draw(<Orders proposal={aProposal({ trades: [TRADE] })} edit={null} />);
    expect(screen.getByText(/nothing goes to market/)).toBeInTheDocument();
  });
});
