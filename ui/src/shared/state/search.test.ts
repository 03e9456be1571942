import { describe, expect, it } from "vitest";

import type { Field } from "@/shared/filters/clause";
import { forgetLayouts, onOtherUser, openMemory, recall, recallFilters, remember, rememberFilters } from "@/shared/state/memory";
import { listSearch, readAddress, writeAddress } from "@/shared/state/search";
import { remembered } from "@/shared/state/useList";

const FIELDS: Field[] = [{ id: "market_value", label: "Market value", kind: "money" }];
const read = (address: string) => listSearch(readAddress(address), FIELDS, ["max_drift"]);

describe("the address of a list", () => {
  it("is read and written back the same", () => {
    const address = "?tile=FIRST_REBALANCE&tile=HIGH_CASH&tile=NO_TARGET&f=market_value.gte.10000&f=market_value.lte.200000&q=smith&sort=-max_drift&page=3&size=50";
    expect(writeAddress(read(address) as Record<string, unknown>)).toBe(address);
  });
  it("drops junk and defaults", () => {
    expect(read("?tile=NONE&f=a.b.c&sort=name&page=0&size=7&x=1")).toEqual({});
    expect(read("?page=1&size=200&q=%20")).toEqual({});
  });
});

describe("memory", () => {
  it("gives a bare address its last filters back, and leaves one with its own alone", () => {
    rememberFilters("accounts", { f: ["market_value.gte.1"] });
    expect(remembered("accounts", {})).toEqual({ f: ["market_value.gte.1"] });
    expect(remembered("accounts", { q: "x" })).toBeNull();
    expect(remembered("other", {})).toBeNull();
  });
  it("forgets layouts at sign-out, keeps filters, and leaves alone what is not ours", () => {
    sessionStorage.setItem("foreign", "1");
    remember("layout.accounts", { order: [] });
    rememberFilters("accounts", { q: "smith" });
    forgetLayouts();
    expect(recall("layout.accounts")).toBeUndefined();
    expect(recallFilters("accounts")).toEqual({ q: "smith" });
    expect(sessionStorage.getItem("foreign")).toBe("1");
  });
  it("keeps filters when the app is closed, and no layout", () => {
    remember("layout.accounts", { order: [] });
    rememberFilters("accounts", { q: "smith" });
    sessionStorage.clear();
    expect(recallFilters("accounts")).toEqual({ q: "smith" });
    expect(recall("layout.accounts")).toBeUndefined();
  });
  it("keeps the filters of each browser tab apart while both are open", () => {
    rememberFilters("accounts", { q: "here" });
    localStorage.setItem("rebalancer..filters.accounts", JSON.stringify({ q: "in the other tab" }));
    expect(recallFilters("accounts")).toEqual({ q: "here" });
  });
  it("shows nothing of one user to another on the same browser", () => {
    openMemory("olivia");
    remember("layout.accounts", { order: [] });
    rememberFilters("accounts", { q: "smith" });
    openMemory("tom");
    expect(recall("layout.accounts")).toBeUndefined();
    expect(recallFilters("accounts")).toBeUndefined();
    rememberFilters("accounts", { q: "jones" });
    openMemory("olivia");
    expect(recall("layout.accounts")).toBeUndefined();
    expect(recallFilters("accounts")).toEqual({ q: "smith" });
  });
  it("tells an open page that somebody else has signed in", () => {
    openMemory("olivia");
    const calls: boolean[] = [];
    const stop = onOtherUser((isOther) => calls.push(isOther));
    window.dispatchEvent(new StorageEvent("storage", { key: "rebalancer.who", newValue: "olivia" }));
    expect(calls).toEqual([]);
    window.dispatchEvent(new StorageEvent("storage", { key: "rebalancer.who", newValue: "tom" }));
    expect(calls).toEqual([true]);
    stop();
  });
  it("passes over what it cannot read", () => {
    openMemory("olivia");
    sessionStorage.setItem("rebalancer.olivia.layout.x", "{");
    expect(recall("layout.x")).toBeUndefined();
  });
});
