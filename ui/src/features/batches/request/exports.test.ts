import { describe, expect, it } from "vitest";

import { exportsOf } from "@/features/batches/request/exports";
import type { BatchPage } from "@/shared/api/models";
import { aBatch } from "@/test/render";

const LIST = { filter: { tiles: [], f: ["buys.gte.1"], q: "roe" }, search: { sort: "-name" } };
const page = (status: BatchPage["batch"]["status"]) => ({ batch: aBatch({ status }), total: 12, filtered: { buys: 30, sells: 4 } as BatchPage["filtered"] });

describe("what can be taken out of a request", () => {
  it.each(["PENDING_APPROVAL", "APPROVED", "WORKING"] as const)("%s: accounts and orders under the filter and order of the list", (status) => {
    const query = { f: ["buys.gte.1"], q: "roe", sort: "-name" };
    expect(exportsOf(page(status), true, LIST)).toEqual([
      { title: "Accounts", row: "account", path: "/exports/batches/7/accounts", query, rows: 12 },
      { title: "Trades", row: "order", path: "/exports/batches/7/trades", query, rows: 34 },
    ]);
  });

  it.each(["CANCELLED", "FAILED"] as const)("%s: no orders, because none are sent", (status) => {
    expect(exportsOf(page(status), true, LIST).map(({ title }) => title)).toEqual(["Accounts"]);
  });

  it("says no number that belongs to another filter", () => {
    expect(exportsOf(page("APPROVED"), false, LIST).map(({ rows }) => rows)).toEqual([null, null]);
  });
});
