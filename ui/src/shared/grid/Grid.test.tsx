import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { useState } from "react";
import { describe, expect, it, vi } from "vitest";

import type { Column } from "@/shared/grid/columns";
import { Grid, type GridSelection } from "@/shared/grid/Grid";

interface Row {
  id: string;
  value: number;
  barred?: boolean;
}

const COLUMNS: Column<Row>[] = [
  { id: "id", header: "Account #", fixed: true, width: 100, sort: "id", cell: (row) => row.id },
  { id: "value", header: "Value", isNumber: true, width: 100, sort: "value", cell: (row) => row.value },
  { id: "note", header: "Note", width: 100, cell: () => "-" },
];
const ROWS: Row[] = [{ id: "a", value: 1 }, { id: "b", value: 2, barred: true }, { id: "c", value: 3 }, { id: "d", value: 4 }];

function Example({ onOpen, onSort }: { onOpen?: (row: Row) => void; onSort?: (sort: string) => void }) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const selection: GridSelection<Row> = {
    has: (row) => chosen.has(row.id),
    barred: (row) => (row.barred ? "Removed" : null),
    set: (rows, on) => setChosen((before) => new Set(on ? [...before, ...rows.map(({ id }) => id)] : [...before].filter((id) => !rows.some((row) => row.id === id)))),
  };
  return (
    <>
      <Grid
        label="Accounts"
        columns={COLUMNS}
        rows={ROWS}
        total={1000}
        offset={200}
        rowId={(row) => row.id}
        rowName={(row) => `account ${row.id}`}
        sort="-value"
        onSort={onSort ?? (() => undefined)}
        onOpen={onOpen}
        selection={selection}
        empty="None"
      />
      <output>{[...chosen].sort().join("")}</output>
    </>
  );
}

const chosen = () => screen.getByRole("status").textContent;
const rowOf = (id: string) => screen.getByRole("rowheader", { name: id }).closest("tr");

describe("the grid for readers", () => {
  it("says how large the whole result is and where each row stands in it", () => {
    render(<Example />);
    expect(screen.getByRole("grid", { name: "Accounts" })).toHaveAttribute("aria-rowcount", "1001");
    expect(rowOf("a")).toHaveAttribute("aria-rowindex", "202");
  });
  it("says what it is sorted by", () => {
    render(<Example />);
    expect(screen.getByRole("columnheader", { name: "Value" })).toHaveAttribute("aria-sort", "descending");
    expect(screen.getByRole("columnheader", { name: "Account #" })).toHaveAttribute("aria-sort", "none");
    expect(screen.getByRole("columnheader", { name: "Note" })).not.toHaveAttribute("aria-sort");
  });
  it("has no violation that axe finds", async () => {
    const { container } = render(<Example />);
    const { violations } = await axe.run(container, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
    expect(violations.map(({ id }) => id)).toEqual([]);
  });
});

describe("selection in the grid", () => {
  it("takes the page without rows that are barred", async () => {
    render(<Example />);
    const page = screen.getByRole("checkbox", { name: "Select all rows on this page" });
    await userEvent.click(screen.getByRole("checkbox", { name: "Select account a" }));
    expect(page).toHaveProperty("indeterminate", true);
    await userEvent.click(page);
    expect(chosen()).toBe("acd");
    await userEvent.click(page);
    expect(chosen()).toBe("");
    expect(screen.getByRole("checkbox", { name: "Select account b" })).toBeDisabled();
  });
  it("takes a click anywhere in the cell of a box, with shift too, and none of a row that is barred", async () => {
    const user = userEvent.setup();
    render(<Example />);
    const cellOf = (name: string) => {
      const cell = screen.getByRole("checkbox", { name }).closest("[data-cell]");
      if (!cell) throw new Error("a box stands in a cell");
      return cell;
    };
    await user.click(cellOf("Select account a"));
    expect(chosen()).toBe("a");
    await user.click(screen.getByRole("checkbox", { name: "Select account a" })); // the box itself acts once, not twice
    expect(chosen()).toBe("");
    await user.click(cellOf("Select account a"));
    await user.click(cellOf("Select account b"));
    expect(chosen()).toBe("a");
    await user.keyboard("{Shift>}");
    await user.click(cellOf("Select account d"));
    await user.keyboard("{/Shift}");
    expect(chosen()).toBe("acd");
    await user.click(cellOf("Select all rows on this page"));
    expect(chosen()).toBe("");
    await user.click(cellOf("Select all rows on this page"));
    expect(chosen()).toBe("acd");
  });
  it("takes a range with shift", async () => {
    const user = userEvent.setup();
    render(<Example />);
    await user.click(screen.getByRole("checkbox", { name: "Select account a" }));
    await user.keyboard("{Shift>}");
    await user.click(screen.getByRole("checkbox", { name: "Select account d" }));
    await user.keyboard("{/Shift}");
    expect(chosen()).toBe("acd");
    expect(rowOf("c")).toHaveAttribute("aria-selected", "true");
  });
});

describe("the grid by keyboard", () => {
  it("is one tab stop, and arrows move in it", async () => {
    const user = userEvent.setup();
    render(<Example />);
    await user.tab();
    const first = rowOf("a");
    expect(first && within(first).getAllByRole("gridcell")[0]).toHaveFocus();
    await user.keyboard("{ArrowDown}{ArrowRight}");
    expect(screen.getByRole("rowheader", { name: "b" })).toHaveFocus();
    await user.keyboard("{Control>}{End}{/Control}");
    const last = rowOf("d");
    expect(last && within(last).getAllByRole("gridcell").at(-1)).toHaveFocus();
    await user.keyboard("{Control>}{Home}{/Control}");
    expect(screen.getAllByRole("columnheader")[0]).toHaveFocus();
    expect(document.querySelectorAll('[data-cell][tabindex="0"]')).toHaveLength(1);
  });
  it("selects with Space, ranges with Shift+Space, the page with Ctrl+A", async () => {
    const user = userEvent.setup();
    render(<Example />);
    await user.tab();
    await user.keyboard(" ");
    expect(chosen()).toBe("a");
    await user.keyboard("{ArrowDown} ");
    expect(chosen()).toBe("a");
    await user.keyboard("{ArrowDown}{Shift>} {/Shift}");
    expect(chosen()).toBe("ac");
    await user.keyboard("{Control>}a{/Control}");
    expect(chosen()).toBe("acd");
  });
  it("opens with Enter, and sorts with Enter in the header", async () => {
    const user = userEvent.setup();
    const onOpen = vi.fn();
    const onSort = vi.fn();
    render(<Example onOpen={onOpen} onSort={onSort} />);
    await user.tab();
    await user.keyboard("{Enter}");
    expect(onOpen).toHaveBeenCalledExactlyOnceWith(ROWS[0]);
    await user.keyboard("{ArrowUp}{ArrowRight}{Enter}{ArrowRight}{Enter}");
    expect(onSort.mock.calls).toEqual([["id"], ["value"]]);
  });
});
