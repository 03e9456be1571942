import { describe, expect, it } from "vitest";

import { changeBarred, decisionBarred, restBarred, rowBarred } from "@/features/batches/commands/rules";
import type { BatchAccountRow } from "@/shared/api/models";
import { aBatch, ME } from "@/test/render";

const counts = (part: Partial<ReturnType<typeof aBatch>["counts"]>) => ({ ...aBatch().counts, ...part });
const row = (state: BatchAccountRow["state"]) => ({ state }) as BatchAccountRow;

describe("deciding a request", () => {
  it("waits for the work", () => {
    const batch = aBatch({ status: "WORKING", counts: counts({ working: 6, proposed: 4 }) });
    expect(decisionBarred(batch, ME, "approve")).toBe("Working: 4 of 10 accounts are done.");
    expect(decisionBarred(batch, ME, "cancel")).not.toBeNull();
  });
  it("is open once it is pending", () => {
    expect(decisionBarred(aBatch(), ME, "approve")).toBeNull();
    expect(decisionBarred(aBatch(), ME, "cancel")).toBeNull();
  });
  it("is over once it is decided", () => expect(decisionBarred(aBatch({ status: "APPROVED" }), ME, "cancel")).toBe("This request is approved."));
  it("cannot approve what is stale, but can cancel it", () => {
    const batch = aBatch({ counts: counts({ stale: 2 }) });
    expect(decisionBarred(batch, ME, "approve")).toContain("2 accounts are stale");
    expect(decisionBarred(batch, ME, "cancel")).toBeNull();
  });
  it("follows the role", () => {
    expect(decisionBarred(aBatch(), { roles: ["trader"] }, "approve")).toContain("approver");
    expect(decisionBarred(aBatch(), { roles: ["trader"] }, "cancel")).toBeNull();
    expect(decisionBarred(aBatch(), { roles: ["viewer"] }, "cancel")).not.toBeNull();
    expect(changeBarred(aBatch(), { roles: ["approver"] })).toContain("trader");
  });
});

describe("a request of which one sees a part", () => {
  const part = { sentence: "You see 3 of the accounts of this request.", barred: "Ask Ann." };
  it("can be looked at, and says with every command why not more", () => {
    const batch = aBatch({ part, rules: null });
    expect(decisionBarred(batch, ME, "approve")).toBe("Ask Ann.");
    expect(decisionBarred(batch, ME, "cancel")).toBe("Ask Ann.");
    expect(changeBarred(batch, ME)).toBe("Ask Ann.");
    expect(restBarred(batch, ME, 2)).toBe("Ask Ann.");
  });
  it("says first that it is worked on, or decided", () => {
    expect(changeBarred(aBatch({ part, status: "WORKING" }), ME)).toBe("Wait until all accounts are proposed.");
    expect(decisionBarred(aBatch({ part, status: "APPROVED" }), ME, "cancel")).toBe("This request is approved.");
  });
});

describe("selecting an account of a request", () => {
  it.each([
    ["PROPOSED", "PENDING_APPROVAL", true],
    ["FAILED", "PENDING_APPROVAL", false],
    ["REMOVED", "PENDING_APPROVAL", false],
    ["PROPOSED", "WORKING", false],
    ["APPROVED", "APPROVED", false],
  ] as const)("%s in a request that is %s: %s", (state, status, can) => {
    expect(rowBarred(aBatch({ status }), row(state)) === null).toBe(can);
  });
});
