import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { ProposeButton } from "@/features/queue/ProposeButton";
import { allMatching, NOTHING, set } from "@/shared/selection/selection";
import { aServer, draw, problem } from "@/test/render";

const MATCHING = allMatching({ tiles: ["HIGH_CASH"], f: ["market_value.gte.10000"], q: "" });

function open(withoutTarget = 0, selection = MATCHING, selected = 2884) {
  const server = aServer(problem(409, "count_changed", { count: 2890 }), problem(403, "forbidden"));
  vi.stubGlobal("fetch", server.fetch);
  draw(<ProposeButton selection={selection} selected={selected} withoutTarget={withoutTarget} onProposed={() => undefined} />);
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
    const server = open(3, set(NOTHING, ["a", "b", "c"], true), 3);
    await userEvent.click(screen.getByRole("button", { name: "Propose trades for 3" }));
    expect(await screen.findByRole("dialog", { name: "Accounts without a target" })).toHaveTextContent("3 selected accounts have no target");
    expect(server.calls).toHaveLength(0);
    await userEvent.click(screen.getByRole("checkbox", { name: /Sell everything/ }));
    const [, confirm] = screen.getAllByRole("button", { name: "Propose trades for 3", hidden: true });
    if (confirm) await userEvent.click(confirm);
    await vi.waitFor(() => expect(server.calls).toHaveLength(1));
    expect(server.calls[0]?.body).toMatchObject({ confirm_liquidation: true });
  });
});
