import { describe, expect, it } from "vitest";

import { findSearch, whereabouts } from "@/features/queue/find/whereabouts";

describe("the address of a list of accounts", () => {
  it("names a list that there is, and words", () => {
    expect(findSearch({ state: ["HELD"], q: ["smith"] })).toMatchObject({ state: "HELD", q: "smith" });
    expect(findSearch({ state: ["QUEUED"], q: [" "] })).toMatchObject({ state: undefined, q: undefined });
    expect(findSearch({})).toMatchObject({ state: undefined });
  });
});

describe("where an account is", () => {
  it.each([
    [{ state: "HELD", open_batch: null, is_evaluated: true }, "Data hold"],
    [{ state: "HELD", open_batch: 7, is_evaluated: true }, "In request 7"],
    [{ state: "OFF", open_batch: null, is_evaluated: true }, "Rebalancer off"],
    [{ state: "OFF", open_batch: null, is_evaluated: false }, "Not evaluated yet"],
  ] as const)("of %o is said as people say it", (account, said) => {
    expect(whereabouts(account)).toBe(said);
  });
});
