import { screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { OrderFiles } from "@/features/batches/execution/OrderFiles";
import type { BatchSummary } from "@/shared/api/models";
import { aBatch, draw } from "@/test/render";

const executed = (orders: number): BatchSummary["execution"] => ({ orders, outstanding: orders, accepted: 0, partially_filled: 0, filled: 0, rejected: 0 });

describe("the order files of a request", () => {
  it("are taken out of what is approved, each order or as blocks", () => {
    draw(<OrderFiles batch={aBatch({ status: "APPROVED", execution: executed(3) })} />);
    const links = screen.getAllByRole("link").map((link) => [link.textContent, link.getAttribute("href"), link.hasAttribute("download")]);
    expect(links).toEqual([
      ["Orders by account", "/api/v1/batches/7/orders", true],
      ["Block orders with allocations", "/api/v1/batches/7/block-orders", true],
    ]);
  });

  it.each([
    ["is open", aBatch()],
    ["was cancelled", aBatch({ status: "CANCELLED" })],
    ["traded nothing", aBatch({ status: "APPROVED", execution: executed(0) })],
  ])("are none where the request %s", (_, batch) => {
    draw(<OrderFiles batch={batch} />);
    expect(screen.queryByRole("link")).toBeNull();
  });
});
