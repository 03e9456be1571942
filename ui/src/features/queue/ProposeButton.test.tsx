import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { ProposeButton } from "@/features/queue/ProposeButton";
import { allMatching } from "@/shared/selection/selection";
import { aServer, draw, problem } from "@/test/render";

const MATCHING = allMatching({ tiles: ["HIGH_CASH"], f: ["market_value.gte.10000"], q: "" });

const WITHOUT_TARGET = problem(409, "liquidation_not_confirmed", { count: 3, others: 2881 });

function open(first = problem(409, "count_changed", { count: 2890 }), second = problem(403, "forbidden")) {
  const server = aServer(first, second, problem(403, "forbidden"));
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
      expected_liquidations: null,
      leave_out_no_target: false,
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
    const server = open(WITHOUT_TARGET);
    const dialog = await ask();
    expect(dialog).toHaveTextContent("3 selected accounts have no target");
    expect(server.calls[0]?.body).toMatchObject({ confirm_liquidation: false, leave_out_no_target: false });
    await userEvent.click(screen.getByRole("button", { name: "Sell out 3 and propose" }));
    await vi.waitFor(() => expect(server.calls).toHaveLength(2));
    expect(server.calls[1]?.body).toMatchObject({ expected_count: 2884, confirm_liquidation: true, expected_liquidations: 3 });
  });

  it("proposes for the others, by the number that the server counted", async () => {
    const server = open(WITHOUT_TARGET, problem(409, "count_changed", { count: 2880 }));
    await ask();
    await userEvent.click(screen.getByRole("button", { name: "Propose the other 2,881" }));
    const dialog = await screen.findByRole("dialog", { name: "The number of accounts has changed" });
    expect(server.calls[1]?.body).toMatchObject({ expected_count: 2881, confirm_liquidation: false, leave_out_no_target: true });
    expect(dialog).toHaveTextContent("You saw 2,881 accounts with a target; now 2,880 accounts match");
    await userEvent.click(screen.getByRole("button", { name: "Use 2,880" }));
    await vi.waitFor(() => expect(server.calls).toHaveLength(3));
    expect(server.calls[2]?.body).toMatchObject({ expected_count: 2880, leave_out_no_target: true });
  });

  it("asks again when meanwhile more have no target", async () => {
    const server = open(WITHOUT_TARGET, problem(409, "liquidation_not_confirmed", { count: 5, others: 2879 }));
    await ask();
    await userEvent.click(screen.getByRole("button", { name: "Sell out 3 and propose" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("You were asked about 3 accounts; meanwhile 5 have no target.");
    await userEvent.click(screen.getByRole("button", { name: "Sell out 5 and propose" }));
    await vi.waitFor(() => expect(server.calls).toHaveLength(3));
    expect(server.calls[2]?.body).toMatchObject({ expected_count: 2884, confirm_liquidation: true, expected_liquidations: 5 });
  });

  it("offers no others where there are none", async () => {
    open(problem(409, "liquidation_not_confirmed", { count: 2884, others: 0 }));
    await ask();
    expect(screen.queryByRole("button", { name: /the other/ })).not.toBeInTheDocument();
  });
});

async function ask() {
  await userEvent.click(screen.getByRole("button", { name: "Propose trades for 2,884" }));
  return screen.findByRole("dialog", { name: "Sell everything in accounts without a target?" });
}
