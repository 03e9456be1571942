import { describe, expect, it } from "vitest";

import type { Field } from "@/shared/filters/clause";
import { forgetAll, recall, remember } from "@/shared/state/memory";
import { listSearch, readAddress, writeAddress } from "@/shared/state/search";
import { remembered } from "@/shared/state/useList";

const FIELDS: Field[] = [{ id: "market_value", label: "Market value", kind: "money" }];
const read = (address: string) => listSearch(readAddress(address), FIELDS, ["max_drift"]);

describe("the address of a list", () => {
  it("is read and written back the same", () => {
    const address = "?tile=FIRST_REBALANCE&tile=HIGH_CASH&f=market_value.gte.10000&f=market_value.lte.200000&q=smith&sort=-max_drift&page=3&size=50";
    expect(writeAddress(read(address) as Record<string, unknown>)).toBe(address);
  });
  it("drops junk and defaults", () => {
    expect(read("?tile=NONE&f=a.b.c&sort=name&page=0&size=7&x=1")).toEqual({});
    expect(read("?page=1&size=200&q=%20")).toEqual({});
  });
});

describe("memory", () => {
  it("gives a bare address its last filters back, and leaves one with its own alone", () => {
    remember("search.accounts", { f: ["market_value.gte.1"] });
    expect(remembered("accounts", {})).toEqual({ f: ["market_value.gte.1"] });
    expect(remembered("accounts", { q: "x" })).toBeNull();
    expect(remembered("other", {})).toBeNull();
  });
  it("forgets at sign-out, and only what is ours", () => {
    sessionStorage.setItem("foreign", "1");
    remember("layout.accounts", { order: [] });
    forgetAll();
    expect(recall("layout.accounts")).toBeUndefined();
    expect(sessionStorage.getItem("foreign")).toBe("1");
  });
  it("passes over what it cannot read", () => {
    sessionStorage.setItem("rebalancer.layout.x", "{");
    expect(recall("layout.x")).toBeUndefined();
  });
});
