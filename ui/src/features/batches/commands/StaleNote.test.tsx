import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { StaleNote } from "@/features/batches/commands/StaleNote";
import { ResultCell } from "@/features/batches/request/ResultCell";
import { aBatch, aRow, aServer, draw, json } from "@/test/render";

const WITHDRAWN = "It was proposed on prices that were withdrawn (price set 7): remove it or have it proposed again before approving.";
const row = aRow({ stale: true, result: WITHDRAWN });

describe("A stale proposal", () => {
  it("says on the account's page why, and is proposed again alone", async () => {
    const server = aServer(json({ batch: aBatch({ status: "WORKING" }), accounts: 1 }));
    vi.stubGlobal("fetch", server.fetch);
    draw(<StaleNote batch={aBatch()} account={row} />);
    expect(screen.getByRole("status")).toHaveTextContent(WITHDRAWN);
    await userEvent.click(screen.getByRole("button", { name: "Propose again" }));
    await vi.waitFor(() => expect(server.calls[0]?.path).toBe("/api/v1/batches/7/repropose"));
    expect(server.calls[0]?.body).toEqual({ selection: { kind: "ids", ids: ["A1"] } });
  });

  it("says in its row why", () => {
    draw(<ResultCell row={row} />);
    expect(screen.getByText("Stale")).toBeInTheDocument();
    expect(screen.getByText(WITHDRAWN)).toBeInTheDocument();
  });

  it("is one of several that the request's page counts and shows", () => {
    draw(<StaleNote batch={aBatch({ counts: { ...aBatch().counts, stale: 2 } })} onShow={() => undefined} />);
    expect(screen.getByRole("status")).toHaveTextContent("2 proposals are out of date");
    expect(screen.getByRole("status")).toHaveTextContent("prices were withdrawn");
  });
});
