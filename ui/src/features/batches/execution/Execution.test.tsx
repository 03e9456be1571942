import { screen, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { ExecutionCell } from "@/features/batches/execution/ExecutionCell";
import { ExecutionNote } from "@/features/batches/execution/ExecutionNote";
import { Executions } from "@/features/batches/execution/Executions";
import { untilReported } from "@/features/batches/status";
import type { ExecutionCounts, ExecutionView } from "@/shared/api/models";
import { aBatch, draw } from "@/test/render";

const SENT: ExecutionCounts = { orders: 5, outstanding: 3, accepted: 1, partially_filled: 1, filled: 1, rejected: 1 };
const DONE: ExecutionCounts = { orders: 2, outstanding: 0, accepted: 0, partially_filled: 0, filled: 2, rejected: 0 };
const ORDER: ExecutionView = { order_id: "o1", security_id: "AAA", side: "BUY", quantity: "10", status: null, filled: "0", price: null, reported_at: null, reason: null };

describe("the execution of orders", () => {
  it("is summed up for a request, apart from the approval", () => {
    draw(<ExecutionNote execution={SENT} />);
    const note = screen.getByRole("region", { name: "Execution" });
    expect(note).toHaveTextContent("5 orders sent: 1 filled, 1 rejected, 3 outstanding (1 accepted, 1 partially filled). Reported since the approval, and no part of it.");
  });

  it("writes numbers as every other figure", () => {
    draw(<ExecutionNote execution={{ orders: 5037, outstanding: 3037, accepted: 2037, partially_filled: 1000, filled: 1000, rejected: 1000 }} />);
    expect(screen.getByText(/5,037 orders sent: 1,000 filled, 1,000 rejected, 3,037 outstanding \(2,037 accepted, 1,000 partially filled\)/)).toBeVisible();
  });

  it("is not mentioned where nothing was approved, and says when nothing was sent", () => {
    draw(<ExecutionNote execution={null} />);
    expect(screen.queryByRole("region", { name: "Execution" })).not.toBeInTheDocument();
    draw(<ExecutionNote execution={{ ...DONE, orders: 0, filled: 0 }} />);
    expect(screen.getByRole("region", { name: "Execution" })).toHaveTextContent("No order was sent.");
  });

  it.each([
    [SENT, "1 rejected1 of 5 filled"],
    [DONE, "Filled"],
    [{ ...DONE, orders: 0, filled: 0 }, "–"],
    [null, "–"],
  ])("stands in the row of an account: %#", (execution, expected) => {
    expect(draw(<ExecutionCell execution={execution} />).container.textContent).toContain(expected);
  });

  it("is listed for each order of an account", () => {
    const rejected: ExecutionView = { ...ORDER, order_id: "o2", side: "SELL", status: "REJECTED", filled: "2.5", price: "10.1234", reported_at: "2026-11-20T21:00:00Z", reason: "halted" };
    draw(<Executions orders={[ORDER, rejected]} />);
    const [, first, second] = within(screen.getByRole("table", { name: "Execution" })).getAllByRole("row");
    expect(first).toHaveTextContent("AAABuy10Sent, nothing reported0––");
    expect(second).toHaveTextContent("AAASell10Rejected2.5$10.1234");
    expect(second).toHaveTextContent("halted");
  });

  it("is asked for again while orders are outstanding", () => {
    expect(untilReported(aBatch())).toBe(false);
    expect(untilReported(aBatch({ status: "APPROVED", execution: DONE }))).toBe(false);
    expect(untilReported(aBatch({ status: "APPROVED", execution: SENT }))).toBeGreaterThan(0);
  });
});
