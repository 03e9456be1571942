import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { LogicSwitch } from "@/features/batches/commands/LogicSwitch";
import { aBatch, aServer, draw, json, problem } from "@/test/render";

describe("the trade logic of a request", () => {
  it("is one of three, Best Fit unless told otherwise, and changes only once confirmed", async () => {
    const server = aServer(problem(409, "logic_unavailable"));
    vi.stubGlobal("fetch", server.fetch);
    draw(<LogicSwitch batch={aBatch()} />);
    expect(screen.getAllByRole("radio").map((radio) => (radio as HTMLInputElement).value)).toEqual(["BEST_FIT", "MIN_TRANSACTION", "TAX_AWARE"]);
    expect(screen.getByRole("radio", { name: "Best Fit" })).toBeChecked();
    await userEvent.click(screen.getByRole("radio", { name: "Tax Aware" }));
    const dialog = await screen.findByRole("dialog", { name: "Use Tax Aware for request 7?" });
    expect(dialog).toHaveTextContent("as near to target as each account's gain limits allow");
    expect(server.calls).toHaveLength(0);
    await userEvent.click(screen.getByRole("button", { name: "Use Tax Aware" }));
    await vi.waitFor(() => expect(server.calls[0]?.body).toEqual({ logic: "TAX_AWARE" }));
    expect(server.calls[0]?.headers.get("If-Match")).toBe('"3"');
  });

  it("says how many edited trades it would drop, and drops them only once that is confirmed too", async () => {
    const server = aServer(problem(409, "edits_dropped", { count: 2 }), json({ batch: aBatch({ logic: "TAX_AWARE" }), accounts: 9 }));
    vi.stubGlobal("fetch", server.fetch);
    draw(<LogicSwitch batch={aBatch()} />);
    await userEvent.click(screen.getByRole("radio", { name: "Tax Aware" }));
    await userEvent.click(await screen.findByRole("button", { name: "Use Tax Aware" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("2 accounts have edited trades. They are dropped, and they are proposed again.");
    await userEvent.click(screen.getByRole("button", { name: "Drop the edits and use it" }));
    await vi.waitFor(() => expect(server.calls[1]?.body).toEqual({ logic: "TAX_AWARE", drop_edits: true }));
  });
});
