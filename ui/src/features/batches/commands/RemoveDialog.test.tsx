import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { RemoveDialog } from "@/features/batches/commands/RemoveDialog";
import { aBatch, aServer, draw, json, problem } from "@/test/render";

const DONE = json({ batch: aBatch({ version: 4 }), accounts: 2 });

function open(responses: Parameters<typeof aServer>) {
  const server = aServer(...responses);
  vi.stubGlobal("fetch", server.fetch);
  const onDone = vi.fn();
  const onClose = vi.fn();
  draw(<RemoveDialog batch={aBatch()} selection={{ kind: "ids", ids: ["a", "b"] }} expected={2} onDone={onDone} onClose={onClose} />);
  return { server, onDone, onClose };
}

describe("removing accounts from a request", () => {
  it("says what happens, with the focus on the safe button", async () => {
    const { server, onClose } = open([DONE]);
    const dialog = await screen.findByRole("dialog", { name: "Remove 2 accounts from request 7?" });
    expect(dialog).toHaveTextContent("will not be rebalanced and go back to the Rebalancer queue");
    const safe = screen.getByRole("button", { name: "Keep them" });
    await vi.waitFor(() => expect(safe).toHaveFocus());
    await userEvent.click(safe);
    expect(onClose).toHaveBeenCalledOnce();
    expect(server.calls).toHaveLength(0);
  });

  it("sends what was selected, the number and the version that were seen, and a key", async () => {
    const { server, onDone } = open([DONE]);
    await userEvent.click(await screen.findByRole("button", { name: "Remove 2" }));
    await vi.waitFor(() => expect(onDone).toHaveBeenCalledOnce());
    const [call] = server.calls;
    expect(call?.path).toBe("/api/v1/batches/7/removals");
    expect(call?.body).toEqual({ selection: { kind: "ids", ids: ["a", "b"] }, expected_count: 2 });
    expect(call?.headers.get("If-Match")).toBe('"3"');
    expect(call?.headers.get("X-CSRF-Token")).toBe("token");
    expect(call?.headers.get("Idempotency-Key")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("asks again when the number has changed", async () => {
    const { server, onDone } = open([problem(409, "count_changed", { count: 1 }), DONE]);
    await userEvent.click(await screen.findByRole("button", { name: "Remove 2" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("You saw 2 accounts; now 1 account matches");
    await userEvent.click(screen.getByRole("button", { name: "Remove 1" }));
    await vi.waitFor(() => expect(onDone).toHaveBeenCalledOnce());
    expect(server.calls[1]?.body).toMatchObject({ expected_count: 1 });
  });

  it("closes and says so when the request has changed", async () => {
    const { onClose, onDone } = open([problem(412, "version_changed", { version: 4 })]);
    await userEvent.click(await screen.findByRole("button", { name: "Remove 2" }));
    expect(await screen.findByText("Detail of version_changed")).toBeInTheDocument();
    expect(onClose).toHaveBeenCalledOnce();
    expect(onDone).not.toHaveBeenCalled();
  });

  it("tries again under the same key when no answer came", async () => {
    const lost = () => Promise.reject(new TypeError("network"));
    const { server, onDone } = open([lost, DONE]);
    await userEvent.click(await screen.findByRole("button", { name: "Remove 2" }));
    expect(await screen.findByText("We did not hear back")).toBeInTheDocument();
    await userEvent.click(screen.getByRole("button", { name: "Remove 2" }));
    await vi.waitFor(() => expect(onDone).toHaveBeenCalledOnce());
    const [first, second] = server.calls.map(({ headers }) => headers.get("Idempotency-Key"));
    expect(first).toBe(second);
  });
});
