import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { ApproveRest } from "@/features/batches/commands/ApproveRest";
import type { BatchSummary } from "@/shared/api/models";
import { aBatch, aServer, draw, json, ME, problem, RULES } from "@/test/render";

const rules = (part: Partial<NonNullable<BatchSummary["rules"]>>) => ({ ...RULES, ...part });

function offer(batch: BatchSummary, expected: number, responses: Parameters<typeof aServer>, me = ME) {
  const server = aServer(...responses);
  vi.stubGlobal("fetch", server.fetch);
  const onDone = vi.fn();
  draw(<ApproveRest batch={batch} selection={{ kind: "ids", ids: ["a", "b"] }} expected={expected} onDone={onDone} />, me);
  return { server, onDone };
}

const open = () => userEvent.click(screen.getByRole("button", { name: /^Remove \d+ and approve the rest/ }));

describe("Remove these and approve the rest", () => {
  it("says what happens to both and sends them as one command with the note", async () => {
    const batch = aBatch({ batch_id: 81 });
    const { server, onDone } = offer(batch, 2, [json({ batch: { ...batch, version: 4, status: "APPROVED" }, accounts: 8 })]);
    await open();
    const dialog = await screen.findByRole("dialog", { name: "Remove 2 accounts from request 81 and approve the other 8?" });
    expect(dialog).toHaveTextContent("goes back to the queue and is not traded");
    expect(dialog).toHaveTextContent("Either both are done or neither is");
    await userEvent.type(screen.getByRole("textbox", { name: "Note" }), "wait for the owner");
    await userEvent.click(screen.getByRole("button", { name: "Remove 2, approve 8" }));
    await waitFor(() => expect(onDone).toHaveBeenCalledOnce());
    expect(server.calls).toHaveLength(1);
    expect(server.calls[0]?.path).toBe("/api/v1/batches/81/approve-rest");
    expect(server.calls[0]?.body).toEqual({ selection: { kind: "ids", ids: ["a", "b"] }, expected_count: 2, note: "wait for the owner" });
    expect(server.calls[0]?.headers.get("If-Match")).toBe('"3"');
    expect(await screen.findByText("Request 81 approved")).toBeInTheDocument();
  });

  it("keeps the note when it is refused, and asks again when the number has changed", async () => {
    const batch = aBatch({ batch_id: 82 });
    const done = json({ batch: { ...batch, version: 4, status: "APPROVED" }, accounts: 9 });
    const { server, onDone } = offer(batch, 2, [problem(409, "count_changed", { count: 1 }), problem(412, "version_changed"), done]);
    await open();
    await userEvent.type(await screen.findByRole("textbox", { name: "Note" }), "typed once");
    await userEvent.click(screen.getByRole("button", { name: "Remove 2, approve 8" }));
    expect(await screen.findByText(/Nothing has been removed or approved yet/)).toBeInTheDocument();
    await userEvent.click(screen.getByRole("button", { name: "Remove 1, approve 9" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(onDone).not.toHaveBeenCalled();
    await open();
    expect(await screen.findByRole("textbox", { name: "Note" })).toHaveValue("typed once");
    expect(server.calls).toHaveLength(2);
  });

  it.each<[string, BatchSummary, number, readonly ("trader" | "approver")[], string]>([
    ["a trader alone", aBatch(), 2, ["trader"], "Only for the role approver."],
    ["an approver alone", aBatch(), 2, ["approver"], "Only for the role trader."],
    ["nothing left", aBatch(), 10, ["trader", "approver"], "No account would be left to approve."],
    ["the requester", aBatch({ rules: rules({ barred: "Somebody else must approve." }) }), 2, ["trader", "approver"], "Somebody else must approve."],
  ])("is barred for %s, with the reason", (_name, batch, expected, roles, why) => {
    offer(batch, expected, [], { ...ME, roles: [...roles] });
    expect(screen.getByRole("button")).toHaveAccessibleDescription(why);
  });

  it("needs a note where the enterprise asks for one, and says when it is the first of two", async () => {
    const batch = aBatch({ batch_id: 83, turnover: "2000.00", rules: rules({ note_required: true, approvers: 2, two_above: "1500.00" }) });
    const { onDone } = offer(batch, 2, [json({ batch: { ...batch, version: 4 }, accounts: 0 })]);
    await open();
    const confirm = await screen.findByRole("button", { name: "Remove 2, approve 8" });
    expect(confirm).toBeDisabled();
    expect(screen.getByRole("dialog")).toHaveTextContent("its buys and sells ($2,000) are above $1,500");
    await userEvent.type(screen.getByRole("textbox", { name: /Note/ }), " x ");
    await userEvent.click(confirm);
    await waitFor(() => expect(onDone).toHaveBeenCalledOnce());
    expect(await screen.findByText("First approval kept")).toBeInTheDocument();
  });
});
