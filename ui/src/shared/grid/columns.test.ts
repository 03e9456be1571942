import { describe, expect, it } from "vitest";

import { fitted, initialLayout, moved, toggled, visible } from "@/shared/grid/columns";

const COLUMNS = [
  { id: "number", fixed: true },
  { id: "name", fixed: true },
  { id: "value" },
  { id: "cash" },
  { id: "advisor", isExtra: true },
];

describe("a column layout", () => {
  it("starts with the extra columns hidden", () => {
    expect(initialLayout(COLUMNS)).toEqual({ order: ["number", "name", "value", "cash", "advisor"], hidden: ["advisor"] });
  });
  it("loses unknown columns, gets new ones at the end, keeps the fixed ones first", () => {
    expect(fitted({ order: ["cash", "gone", "number", "cash"], hidden: ["cash", "gone", "name"] }, COLUMNS)).toEqual({
      order: ["number", "name", "cash", "value", "advisor"],
      hidden: ["cash", "advisor"],
    });
  });
  it.each([undefined, null, "x", { order: [1], hidden: [] }, { order: ["value"] }])("is the initial one when the memory holds %j", (saved) => {
    expect(fitted(saved, COLUMNS)).toEqual(initialLayout(COLUMNS));
  });
  it("moves a column, but not over the fixed ones nor out of the list", () => {
    const layout = initialLayout(COLUMNS);
    expect(moved(layout, "cash", -1, 2).order).toEqual(["number", "name", "cash", "value", "advisor"]);
    expect(moved(layout, "value", -1, 2)).toBe(layout);
    expect(moved(layout, "name", 1, 2)).toBe(layout);
    expect(moved(layout, "advisor", 1, 2)).toBe(layout);
  });
  it("hides and shows", () => {
    const once = toggled(initialLayout(COLUMNS), "value");
    expect(once.hidden).toContain("value");
    expect(toggled(once, "value").hidden).not.toContain("value");
  });
  it("draws what is not hidden, in the order of the layout, and nothing that is no column", () => {
    const layout = { order: ["number", "cash", "gone", "value", "name"], hidden: ["value"] };
    expect(visible(COLUMNS, layout).map(({ id }) => id)).toEqual(["number", "cash", "name"]);
  });
});
