import { describe, expect, it } from "vitest";

import { allMatching, body, has, NOTHING, set, size, under, type Filter, type Selection } from "@/shared/selection/selection";

const FILTER: Filter = { tiles: ["HIGH_CASH"], f: ["market_value.gte.10"], q: "ab" };

describe("selection", () => {
  it("one by one holds ids", () => {
    const selection = set(set(NOTHING, ["a", "b"], true), ["a"], false);
    expect(has(selection, "b")).toBe(true);
    expect(size(selection, 100)).toBe(1);
    expect(body(selection)).toEqual({ kind: "ids", ids: ["b"] });
  });

  it("of all that match holds the filter, and no id but the exceptions", () => {
    const selection = set(allMatching(FILTER), ["x"], false);
    expect(size(selection, 7977)).toBe(7976);
    expect(has(selection, "anything")).toBe(true);
    expect(has(selection, "x")).toBe(false);
    expect(body(selection)).toEqual({ kind: "matching", tiles: ["HIGH_CASH"], f: ["market_value.gte.10"], q: "ab", exclude: ["x"] });
  });

  it("by filter is dropped under another filter, never widened", () => {
    expect(under(allMatching(FILTER), { ...FILTER, q: "" })).toBe(NOTHING);
    expect(under(allMatching(FILTER), { ...FILTER, f: [...FILTER.f] }).kind).toBe("matching");
  });

  it("one by one outlives a change of filter", () => {
    const selection = set(NOTHING, ["a"], true);
    expect(under(selection, FILTER)).toBe(selection);
  });

  it("keeps 0 <= size <= total under any sequence of steps", () => {
    const ids = ["a", "b", "c", "d", "e"];
    let seed = 7;
    const draw = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
    let selection: Selection = NOTHING;
    for (let turn = 0; turn < 5000; turn++) {
      if (draw(20) === 0) selection = draw(2) === 0 ? allMatching(FILTER) : NOTHING;
      selection = set(selection, ids.slice(draw(5)), draw(2) === 0);
      const counted = ids.filter((id) => has(selection, id)).length;
      expect(size(selection, ids.length)).toBe(counted);
    }
  });
});
