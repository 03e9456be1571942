import { describe, expect, it } from "vitest";

import type { SavedView } from "@/shared/api/models";
import { toggled } from "@/shared/grid/columns";
import { contentOf, differs, under, type Known, type Shown } from "@/shared/views/view";

const KNOWN: Known = {
  fields: [{ id: "market_value", label: "Market value", kind: "money" }, { id: "name", label: "Name", kind: "text" }],
  sorts: ["max_drift"],
  columns: [{ id: "name", fixed: true }, { id: "cash" }, { id: "drift" }],
};
const LAYOUT = { order: ["name", "drift", "cash"], hidden: ["cash"] };
const SHOWN: Shown = { search: { tile: ["HIGH_CASH"], f: ["market_value.gte.10000"], q: "smith", sort: "-max_drift", page: 3, size: 50 }, layout: LAYOUT };

const aView = (shown: Shown, hasLayout = true): SavedView => ({
  view_id: 1, version: 1, list: "queue", name: "Big", owner: "Jo", is_mine: true, may_change: true, shared_with: null, content: contentOf(shown, hasLayout),
});

describe("a view", () => {
  it("brings back filter, order and layout, and neither page nor its size", () => {
    const { search, layout, leftOut } = under(contentOf(SHOWN, true), KNOWN);
    expect(search).toEqual({ tile: ["HIGH_CASH"], f: ["market_value.gte.10000"], q: "smith", sort: "-max_drift" });
    expect(layout).toEqual(LAYOUT);
    expect(leftOut).toBeNull();
  });
  it("survives filters, columns and orders that no longer exist, and says so", () => {
    const old = { tiles: [], f: ["gone.gte.1", "market_value.gte.1", "also.in.x"], q: "", sort: "-gone", layout: { order: ["drift", "gone", "name"], hidden: ["gone"] } };
    const { search, layout, leftOut } = under(old, KNOWN);
    expect(search.f).toEqual(["market_value.gte.1"]);
    expect(search.sort).toBeUndefined();
    expect(layout).toEqual({ order: ["name", "drift", "cash"], hidden: [] });
    expect(leftOut).toBe("This list does not have all that was saved. Left out: 2 filters, the order, 1 column.");
  });
  it("leaves the columns as they are where it was saved without them, or where the list has none to lay out", () => {
    expect(under(contentOf(SHOWN, false), KNOWN).layout).toBeNull();
    expect(under(contentOf(SHOWN, true), { ...KNOWN, columns: null })).toMatchObject({ layout: null, leftOut: null });
  });
});

describe("what a list shows beside its view", () => {
  it("is the same, whatever the page and the order of filters", () => {
    expect(differs({ ...SHOWN, search: { ...SHOWN.search, page: 9 } }, aView(SHOWN), KNOWN)).toBe(false);
    const two = { ...SHOWN, search: { ...SHOWN.search, f: ["name.in.x", "market_value.gte.10000"] } };
    expect(differs({ ...two, search: { ...two.search, f: two.search.f.toReversed() } }, aView(two), KNOWN)).toBe(false);
  });
  it.each<[string, Partial<Shown["search"]>]>([
    ["a tile", { tile: undefined }],
    ["a filter", { f: ["market_value.gte.20000"] }],
    ["the search", { q: undefined }],
    ["the order", { sort: "max_drift" }],
  ])("differs by %s", (_, part) => {
    expect(differs({ ...SHOWN, search: { ...SHOWN.search, ...part } }, aView(SHOWN), KNOWN)).toBe(true);
  });
  it("differs by a column, unless the view was saved without columns", () => {
    const other = { ...SHOWN, layout: toggled(LAYOUT, "drift") };
    expect(differs(other, aView(SHOWN), KNOWN)).toBe(true);
    expect(differs(other, aView(SHOWN, false), KNOWN)).toBe(false);
  });
  it("is the same where the view names a column that no longer exists", () => {
    const old = aView({ ...SHOWN, layout: { order: [...LAYOUT.order, "gone"], hidden: [...LAYOUT.hidden, "gone"] } });
    expect(differs(SHOWN, old, KNOWN)).toBe(false);
  });
});
