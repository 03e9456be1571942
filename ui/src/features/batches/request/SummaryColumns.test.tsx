import { screen, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { Status } from "@/features/batches/list/Status";
import { requestColumns } from "@/features/batches/request/columns";
import { fieldsOn } from "@/features/batches/request/fields";
import { aBatch, aRow, draw } from "@/test/render";

const ROW = aRow({
  market_value: "1000000.00", begin_cash: "11000.00", end_cash: "12000.00", buys: 3, buys_value: "13000.00", sells: 4, sells_value: "14000.00", flats: 5, flats_value: "15000.00",
});

describe("the summary of an account in a request", () => {
  it.each([
    ["begin_cash", "Beginning cash", "$11,000"],
    ["end_cash", "Ending cash", "$12,000"],
    ["buys", "Buys", "3"],
    ["buys_value", "Buys $", "$13,000"],
    ["sells", "Sells", "4"],
    ["sells_value", "Sells $", "$14,000"],
    ["flats", "Flat", "5"],
    ["flats_value", "Flat $", "$15,000"],
  ])("has %s as %s", (id, header, shown) => {
    for (const shelf of ["open", "history"] as const) {
      const column = requestColumns(shelf).find((candidate) => candidate.id === id);
      expect([column?.header, column?.isExtra]).toEqual([header, undefined]);
      const { container, unmount } = draw(<div data-testid={shelf}>{column?.cell(ROW)}</div>);
      expect(within(container).getByTestId(shelf)).toHaveTextContent(new RegExp(`^${shown.replace("$", "\\$")}$`));
      unmount();
    }
  });
});

describe("the filters of a request", () => {
  it("are in dollars, but Buys, Sells and Flat, which are numbers", () => {
    const numbers = fieldsOn("open").filter(({ kind }) => kind !== "choice" && kind !== "text");
    expect(numbers.filter(({ kind }) => kind !== "money").map(({ id, kind }) => [id, kind])).toEqual([["buys", "count"], ["sells", "count"], ["flats", "count"]]);
    expect(numbers.length).toBeGreaterThan(10);
  });
});

describe("the status of a request", () => {
  it("has a spinner and says how far it is while it works, and no more of it once it is pending", () => {
    const counts = { ...aBatch().counts, working: 6, proposed: 4 };
    const { container, unmount } = draw(<Status batch={aBatch({ status: "WORKING", counts })} />);
    expect(container.querySelector(".mantine-Loader-root")).not.toBeNull();
    expect(screen.getByText("4/10")).toBeVisible();
    unmount();
    const { container: after } = draw(<Status batch={aBatch()} />);
    expect(after.querySelector(".mantine-Loader-root")).toBeNull();
    expect(screen.getByText("Pending Approval")).toBeVisible();
  });
});
