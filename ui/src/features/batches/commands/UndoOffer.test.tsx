import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { Reviewed } from "@/features/batches/commands/PutBack";
import { RemoveDialog } from "@/features/batches/commands/RemoveDialog";
import { UndoOffer } from "@/features/batches/commands/UndoOffer";
import { ResultCell } from "@/features/batches/request/ResultCell";
import type { BatchSummary } from "@/shared/api/models";
import { aBatch, aRow, aServer, draw, json, ME, problem } from "@/test/render";

const nothing = () => undefined;
const removed = (batch: BatchSummary, version = 4, accounts = 2) => json({ batch: { ...batch, version }, accounts });

async function afterRemoval(batch: BatchSummary, ...responses: Parameters<typeof aServer>) {
  const server = aServer(removed(batch), ...responses);
  vi.stubGlobal("fetch", server.fetch);
  draw(
    <>
      <UndoOffer batch={batch} />
      <RemoveDialog batch={batch} selection={{ kind: "ids", ids: ["a", "b"] }} expected={2} onDone={nothing} onClose={nothing} />
    </>,
  );
  expect(screen.queryByText(/removed from this request/)).toBeNull();
  await userEvent.click(await screen.findByRole("button", { name: "Remove 2" }));
  expect(await screen.findByText("2 accounts removed from this request")).toBeInTheDocument();
  return server;
}

const undo = () => screen.getByRole("button", { name: "Undo (2)", hidden: true });

describe("Undo of a removal", () => {
  it("is offered after it and puts back what that removal took out, at the version that is shown", async () => {
    const batch = aBatch({ batch_id: 71 });
    const server = await afterRemoval(batch, removed(batch, 5));
    await userEvent.click(undo());
    await waitFor(() => expect(screen.queryByText("2 accounts removed from this request")).toBeNull());
    expect(server.calls[1]?.path).toBe("/api/v1/batches/71/removals/undo");
    expect(server.calls[1]?.body).toEqual({ selection: { kind: "removal", version: 4 }, expected_count: 2 });
    expect(server.calls[1]?.headers.get("If-Match")).toBe('"3"');
    expect(server.calls[1]?.headers.get("Idempotency-Key")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("says why not all can be put back, and offers the others", async () => {
    const batch = aBatch({ batch_id: 72 });
    const server = await afterRemoval(batch, problem(409, "undo_barred", { count: 1 }), removed(batch, 5, 1));
    await userEvent.click(undo());
    expect(await screen.findByText("Detail of undo_barred")).toBeInTheDocument();
    await userEvent.click(screen.getByRole("button", { name: "Put back the other 1", hidden: true }));
    await waitFor(() => expect(screen.queryByText("2 accounts removed from this request")).toBeNull());
    expect(server.calls[2]?.body).toMatchObject({ expected_count: 1 });
  });

  it("offers nothing that cannot be put back", async () => {
    const batch = aBatch({ batch_id: 73 });
    await afterRemoval(batch, problem(409, "undo_barred", { count: 0 }));
    await userEvent.click(undo());
    expect(await screen.findByText("Detail of undo_barred")).toBeInTheDocument();
    expect(screen.queryByRole("button", { name: /Undo|Put back/, hidden: true })).toBeNull();
  });

  it("is not offered to another person, nor once the request is decided", async () => {
    const batch = aBatch({ batch_id: 74 });
    await afterRemoval(batch);
    draw(<UndoOffer batch={batch} />, { ...ME, subject: "u2" });
    draw(<UndoOffer batch={{ ...batch, status: "CANCELLED" }} />);
    expect(screen.getAllByText("2 accounts removed from this request")).toHaveLength(1);
  });
});

describe("A removed row", () => {
  const row = aRow({ state: "REMOVED", result: "Removed by Jo." });

  it("of a request under review has its own undo", async () => {
    const server = aServer(json({ batch: aBatch({ version: 4 }), accounts: 1 }));
    vi.stubGlobal("fetch", server.fetch);
    draw(
      <Reviewed value={aBatch()}>
        <ResultCell row={row} />
      </Reviewed>,
    );
    await userEvent.click(screen.getByRole("button", { name: "Undo the removal of account 0001" }));
    await waitFor(() => expect(server.calls[0]?.body).toEqual({ selection: { kind: "ids", ids: ["A1"] }, expected_count: 1 }));
    expect(await screen.findByText("Account 0001 is back in request 7.")).toBeInTheDocument();
  });

  it("has none for somebody who may not, with the reason, and none anywhere else", () => {
    draw(
      <Reviewed value={aBatch()}>
        <ResultCell row={row} />
      </Reviewed>,
      { ...ME, roles: ["approver"] },
    );
    expect(screen.getByRole("button", { name: "Undo the removal of account 0001" })).toHaveAccessibleDescription("Only for the role trader.");
    draw(<ResultCell row={aRow({ ...row, account_number: "0002" })} />);
    draw(
      <Reviewed value={aBatch()}>
        <ResultCell row={aRow({ account_number: "0003" })} />
      </Reviewed>,
    );
    expect(screen.getAllByRole("button")).toHaveLength(1);
  });
});
