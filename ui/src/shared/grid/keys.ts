/** Keyboard of the grid: one tab stop, arrows move, as the ARIA grid pattern says. */
import { useCallback, useState, type FocusEvent, type KeyboardEvent } from "react";

import { keyName } from "@/shared/keys/keys";

export interface Spot {
  /** 0 is the header. */
  row: number;
  column: number;
}

export interface Size {
  /** Rows with the header. */
  rows: number;
  columns: number;
}

const PAGE = 10;

/** Where a key leads from here; null when it is none that moves. */
export function step(from: Spot, key: string, withControl: boolean, { rows, columns }: Size): Spot | null {
  const at = (row: number, column: number): Spot => ({
    row: Math.min(Math.max(row, 0), rows - 1),
    column: Math.min(Math.max(column, 0), columns - 1),
  });
  switch (key) {
    case "ArrowUp":
      return at(from.row - 1, from.column);
    case "ArrowDown":
      return at(from.row + 1, from.column);
    case "ArrowLeft":
      return at(from.row, from.column - 1);
    case "ArrowRight":
      return at(from.row, from.column + 1);
    case "PageUp":
      return at(Math.max(from.row - PAGE, 1), from.column);
    case "PageDown":
      return at(from.row + PAGE, from.column);
    case "Home":
      return at(withControl ? 0 : from.row, 0);
    case "End":
      return at(withControl ? rows - 1 : from.row, columns - 1);
    default:
      return null;
  }
}

export interface GridActions {
  open: (spot: Spot) => void;
  toggle: (spot: Spot, withShift: boolean) => void;
  page: () => void;
}

/** Roving focus over cells that carry data-cell="row:column". */
export function useGridKeys(size: Size, actions: GridActions) {
  const [spot, setSpot] = useState<Spot>({ row: 1, column: 0 });
  const active: Spot = { row: Math.min(spot.row, size.rows - 1), column: Math.min(spot.column, size.columns - 1) };

  const onFocus = useCallback((event: FocusEvent<HTMLTableElement>) => {
    const [row, column] = spotOf(event.target);
    if (row !== undefined && column !== undefined) setSpot({ row, column });
  }, []);

  function onKeyDown(event: KeyboardEvent<HTMLTableElement>) {
    if (event.altKey) return;
    const withControl = event.ctrlKey || event.metaKey;
    const name = keyName(event);
    const next = step(active, name === "next" ? "ArrowDown" : name === "previous" ? "ArrowUp" : event.key, withControl, size);
    if (next) {
      setSpot(next);
      focusCell(event.currentTarget, next);
    } else if (event.key === " " || name === "select") actions.toggle(active, event.shiftKey);
    else if (event.key === "Enter") actions.open(active);
    else if (event.key === "a" && withControl) actions.page();
    else return;
    event.preventDefault();
  }

  return { active, onFocus, onKeyDown };
}

function spotOf(target: Element): number[] {
  const cell = target.closest<HTMLElement>("[data-cell]");
  return cell?.dataset.cell?.split(":").map(Number) ?? [];
}

/** Focus a cell and bring it out from under the columns that stay at the left. */
function focusCell(table: HTMLTableElement, { row, column }: Spot) {
  const cell = table.querySelector<HTMLElement>(`[data-cell="${row}:${column}"]`);
  if (!cell) return;
  cell.focus();
  const scroller = table.parentElement;
  if (!scroller || cell.dataset.fixed === "true") return;
  const fixed = [...table.querySelectorAll<HTMLElement>(`[data-cell^="${row}:"][data-fixed="true"]`)];
  const edge = Math.max(...fixed.map((cell) => cell.getBoundingClientRect().right), 0);
  const hiddenBy = edge - cell.getBoundingClientRect().left;
  if (hiddenBy > 0) scroller.scrollLeft -= hiddenBy;
}
