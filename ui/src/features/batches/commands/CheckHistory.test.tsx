import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { CheckHistory } from "@/features/batches/commands/CheckHistory";
import { aServer, draw, json, ME, problem } from "@/test/render";

const part = (more: object) => json({ enterprise_id: "E1", checked: 200, before: 0, findings: [], cursor: null, position: null, sha256: null, ...more });
const press = () => userEvent.click(screen.getByRole("button", { name: "Check history" }));

describe("The check of history", () => {
  it("goes on part after part and says that all is as it was decided", async () => {
    const server = aServer(part({ cursor: "chain.180", before: 20 }), part({ checked: 7, position: 187, sha256: "ab".repeat(32) }));
    vi.stubGlobal("fetch", server.fetch);
    draw(<CheckHistory />);
    await press();
    expect(await screen.findByText("History of E1 is as it was decided")).toBeInTheDocument();
    expect(screen.getByRole("status")).toHaveTextContent("207 decisions checked, 20 of them from before the chain began.");
    expect(screen.getByRole("status")).toHaveTextContent(`The last link is number 187, ${"ab".repeat(32)}.`);
    expect(server.calls.map(({ path, body }) => [path, body])).toEqual([
      ["/api/v1/history/check", { enterprise_id: "E1", cursor: null }],
      ["/api/v1/history/check", { enterprise_id: "E1", cursor: "chain.180" }],
    ]);
  });

  it("names what was changed, is missing or was added", async () => {
    const findings = [
      { batch_id: 12, sentence: "the row of the batch was changed: decided_by" },
      { batch_id: null, sentence: "the head of the chain is missing" },
    ];
    vi.stubGlobal("fetch", aServer(part({ findings })).fetch);
    draw(<CheckHistory />);
    await press();
    expect(await screen.findByText("History of E1 differs from what was decided: 2 findings")).toBeInTheDocument();
    expect(screen.getAllByRole("listitem").map((item) => item.textContent)).toEqual([
      "Request 12: the row of the batch was changed: decided_by.",
      "The chain: the head of the chain is missing.",
    ]);
  });

  it("says when it could not be done, and can be tried again", async () => {
    vi.stubGlobal("fetch", aServer(problem(403, "forbidden"), part({ checked: 1 })).fetch);
    draw(<CheckHistory />);
    await press();
    await userEvent.click(await screen.findByRole("button", { name: "Try again" }));
    expect(await screen.findByText("History of E1 is as it was decided")).toBeInTheDocument();
  });

  it.each([
    [{ ...ME, roles: ["trader" as const] }, "Only for the role approver or auditor or operator."],
    [{ ...ME, advisors: ["D1"] }, "History is checked as a whole, by somebody who sees all advisors."],
  ])("is barred with a reason", (me, why) => {
    draw(<CheckHistory />, me);
    expect(screen.getByRole("button", { name: "Check history" })).toHaveAccessibleDescription(why);
  });
});
