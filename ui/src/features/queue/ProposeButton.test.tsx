import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { ProposeButton } from "@/features/queue/ProposeButton";
import { allMatching } from "@/shared/selection/selection";
import { aServer, draw, problem } from "@/test/render";

const MATCHING = allMatching({ tiles: ["HIGH_CASH"], f: ["market_value.gte.10000"], q: "" });

function open(first = problem(409, "count_changed", { count: 2890 })) {
  const server = aServer(first, problem(403, "forbidden"));
  vi.stubGlobal("fetch", server.fetch);
  draw(<ProposeButton selection={MATCHING} selected={2884} onProposed={() => undefined} />);
  return server;
}

describe("proposing trades", () => {
  it("sends the filter and the number that was seen, and no ids", async () => {
    const server = open();
    await userEvent.click(screen.getByRole("button", { name: "Propose trades for 2,884" }));
    await screen.findByRole("dialog");
    expect(server.calls[0]?.body).toEqual({
      selection: { kind: "matching", tiles: ["HIGH_CASH"], f: ["market_value.gte.10000"], q: "", exclude: [] },
      expected_count: 2884,
      logic: "BEST_FIT",
      label: "",
      confirm_liquidation: false,
    });
  });

  it("asks when the number has changed, and sends the new one under a new key", async () => {
    const server = open();
    await userEvent.click(screen.getByRole("button", { name: "Propose trades for 2,884" }));
    const dialog = await screen.findByRole("dialog", { name: "The number of accounts has changed" });
    expect(dialog).toHaveTextContent("You saw 2,884 accounts; now 2,890 accounts match");
    await userEvent.click(screen.getByRole("button", { name: "Use 2,890" }));
    expect(await screen.findByText("Detail of forbidden")).toBeInTheDocument();
    expect(server.calls[1]?.body).toMatchObject({ expected_count: 2890 });
    expect(server.calls[1]?.headers.get("Idempotency-Key")).not.toBe(server.calls[0]?.headers.get("Idempotency-Key"));
  });

  it("never liquidates without being told to", async () => {
    const server = open(problem(409, "liquidation_not_confirmed", { count: 3 }));
    await userEvent.click(screen.getByRole("button", { name: "Propose trades for 2,884" }));
    const dialog = await screen.findByRole("dialog", { name: "Sell everything in accounts without a target?" });
    expect(dialog).toHaveTextContent("3 selected accounts have no target");
    expect(server.calls[0]?.body).toMatchObject({ confirm_liquidation: false });
    await userEvent.click(screen.getByRole("button", { name: "Sell out 3 and propose" }));
    await vi.waitFor(() => expect(server.calls).toHaveLength(2));
    expect(server.calls[1]?.body).toMatchObject({ expected_count: 2884, confirm_liquidation: true });
  });
});
