import { describe, expect, it } from "vitest";

import { listPage } from "@/features/batches/account/list";

describe("the way back to the list", () => {
  it.each([
    [{}, 1, undefined],
    [{}, 200, undefined],
    [{}, 201, 2],
    [{ size: 50 }, 101, 3],
    [{ size: 50, page: 1 }, 51, 2],
    [{ page: 4 }, 0, 4], // it is no longer in the list
    [{ page: 4 }, 1, undefined], // one went back over pages
  ])("leads to the page on which the account stands: %#", (list, position, page) => {
    expect(listPage({ ...list, f: ["buys.gte.1"], sort: "-buys" }, position)).toEqual({ ...list, f: ["buys.gte.1"], sort: "-buys", page });
  });
});
