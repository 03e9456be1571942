import type { CSSProperties } from "react";

import type { Column } from "@/shared/grid/columns";

const BOX_WIDTH = 40;

/** Distance from the left of each fixed column, as one text so that rows can compare it. */
export function lefts(columns: readonly Pick<Column<never>, "fixed" | "width">[], boxes: number): string {
  let at = boxes * BOX_WIDTH;
  const offsets: number[] = [];
  for (const column of columns) {
    if (!column.fixed) break;
    offsets.push(at);
    at += column.width;
  }
  return offsets.join(" ");
}

/** Style of a cell: a fixed one keeps its width and its offset from the left. */
export function cellStyle(column: Pick<Column<never>, "fixed" | "width">, offsets: string, index: number): CSSProperties {
  if (!column.fixed) return { minWidth: column.width };
  const { width } = column;
  return { width, minWidth: width, maxWidth: width, left: `${offsets.split(" ")[index] ?? 0}px` };
}

/** Sort by a field: ascending first, then descending. */
export function nextSort(field: string | undefined, sort: string | undefined): string {
  if (!field) return sort ?? "";
  return sort === field ? `-${field}` : field;
}
