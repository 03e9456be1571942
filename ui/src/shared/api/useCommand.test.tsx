import { Button } from "@mantine/core";
import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { useCommand } from "@/shared/api/useCommand";
import { aServer, draw, json, problem } from "@/test/render";

function Approve() {
  const command = useCommand({ touches: [], perhaps: "Request 7 may have been approved.", onDone: () => undefined });
  return <Button onClick={() => command.run({ path: "/batches/7/approve", version: 3 })}>Approve</Button>;
}

const press = () => userEvent.click(screen.getByRole("button", { name: "Approve" }));

describe("a command whose answer is lost", () => {
  it.each([
    ["the connection broke", () => Promise.reject(new TypeError("Failed to fetch"))],
    ["a proxy gave up", () => new Response("<html>Gateway time-out</html>", { status: 504 })],
    ["a service went away", problem(504, "outcome_unknown")],
  ])("says that it may have happened, and goes out again under the same key: %s", async (_, lost) => {
    const server = aServer(lost, problem(503, "unavailable"), json({}));
    vi.stubGlobal("fetch", server.fetch);
    draw(<Approve />);
    await press();
    const message = await screen.findByRole("alert");
    expect(message).toHaveTextContent("We did not hear back");
    expect(message).toHaveTextContent("Request 7 may have been approved. Look at its state before you go on: this page fetches it again. Trying again is safe, it is done only once.");
    await press();
    await press();
    expect(new Set(server.calls.map(({ headers }) => headers.get("Idempotency-Key"))).size).toBe(1);
    await vi.waitFor(() => expect(screen.queryByText("We did not hear back")).toBeNull());
  });

  it("says nothing of the kind when it was refused", async () => {
    vi.stubGlobal("fetch", aServer(problem(409, "batch_decided")).fetch);
    draw(<Approve />);
    await press();
    expect(await screen.findByText("Detail of batch_decided")).toBeInTheDocument();
    expect(screen.queryByText("We did not hear back")).toBeNull();
  });
});
