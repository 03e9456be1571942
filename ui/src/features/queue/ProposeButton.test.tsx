import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { notProposable, ProposeAccount } from "@/features/queue/ProposeAccount";
import { ProposeButton } from "@/features/queue/ProposeButton";
import { MOST_LETTERS } from "@/features/queue/ProposeDialog";
import type { AccountView } from "@/shared/api/models";
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

describe("proposing with a logic and a name", () => {
  it("sends both, and the dialog keeps them when the server refuses", async () => {
    const server = open(problem(403, "forbidden"), problem(409, "count_changed", { count: 2880 }));
    await userEvent.click(screen.getByRole("button", { name: "Propose with…" }));
    const dialog = await screen.findByRole("dialog", { name: "Propose trades for 2,884 accounts" });
    expect(screen.getByRole("radio", { name: "Best Fit" })).toBeChecked();
    await userEvent.click(screen.getByRole("radio", { name: "Tax Aware" }));
    await userEvent.type(screen.getByRole("textbox", { name: "Name of the request" }), " Monday, large");
    await userEvent.click(within(dialog).getByRole("button", { name: "Propose trades" }));
    expect(await within(dialog).findByText("Detail of forbidden")).toBeInTheDocument();
    expect(server.calls[0]?.body).toMatchObject({ logic: "TAX_AWARE", label: "Monday, large", expected_count: 2884 });
    expect(screen.getByRole("textbox", { name: "Name of the request" })).toHaveValue(" Monday, large");
    await userEvent.click(within(dialog).getByRole("button", { name: "Propose trades" }));
    await userEvent.click(await screen.findByRole("button", { name: "Use 2,880" }));
    await vi.waitFor(() => expect(server.calls).toHaveLength(3));
    expect(server.calls[2]?.body).toMatchObject({ logic: "TAX_AWARE", label: "Monday, large", expected_count: 2880 });
  });

  it("takes no longer name than the server does", async () => {
    open();
    await userEvent.click(screen.getByRole("button", { name: "Propose with…" }));
    await userEvent.type(await screen.findByRole("textbox", { name: "Name of the request" }), "x".repeat(MOST_LETTERS + 5));
    expect(screen.getByRole("textbox", { name: "Name of the request" })).toHaveValue("x".repeat(MOST_LETTERS));
    expect(screen.getByRole("dialog")).toHaveTextContent("0 characters left");
  });
});

describe("proposing from the page of an account", () => {
  it.each([
    ["FLAGGED", null, null, null],
    ["NO_TARGET", null, null, null],
    ["FLAGGED", 7, null, "It is in request 7: an account is in one open request at a time."],
    ["HELD", null, "The price of AAA is missing.", "It is on hold: The price of AAA is missing. Trades are proposed again once a good file has come."],
    ["HELD", null, null, "It is on hold. Trades are proposed again once a good file has come."],
    ["SETTLING", null, null, "Its orders were sent: trades are proposed again once the custodian's file with the fills has come."],
    ["OFF", null, null, "The rebalancer is off for this account."],
    ["CLEAR", null, null, "It needs no rebalancing: cash and positions that may flag are inside their bands."],
  ] as const)("%s in request %s: %s", (state, open_batch, hold_text, why) => {
    expect(notProposable({ state, open_batch, hold_text })).toBe(why);
    vi.stubGlobal("fetch", aServer().fetch);
    draw(<ProposeAccount account={{ account_id: "A1", state, open_batch, hold_text } as AccountView} />);
    const button = screen.getByRole("button", { name: "Propose trades" });
    if (why === null) expect(button).not.toHaveAttribute("aria-disabled");
    else expect(button).toHaveAccessibleDescription(why);
  });

  it("names the one account", async () => {
    const server = aServer(problem(403, "forbidden"));
    vi.stubGlobal("fetch", server.fetch);
    draw(<ProposeAccount account={{ account_id: "A1", state: "FLAGGED", open_batch: null, hold_text: null } as AccountView} />);
    await userEvent.click(screen.getByRole("button", { name: "Propose trades" }));
    await vi.waitFor(() => expect(server.calls).toHaveLength(1));
    expect(server.calls[0]?.body).toMatchObject({ selection: { kind: "ids", ids: ["A1"] }, expected_count: 1, confirm_liquidation: false });
  });
});

async function ask() {
  await userEvent.click(screen.getByRole("button", { name: "Propose trades for 2,884" }));
  return screen.findByRole("dialog", { name: "Sell everything in accounts without a target?" });
}
