import { useCallback, useEffect, useRef, type ReactNode } from "react";

import type { Column } from "@/shared/grid/columns";
import { GridHeader } from "@/shared/grid/GridHeader";
import { GridRow } from "@/shared/grid/GridRow";
import { useGridKeys, type Spot } from "@/shared/grid/keys";
import { lefts, nextSort } from "@/shared/grid/offsets";

export interface GridSelection<Row> {
  has: (row: Row) => boolean;
  /** Why a row cannot be selected, or null. */
  barred: (row: Row) => string | null;
  set: (rows: readonly Row[], on: boolean) => void;
}

export interface GridProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  /** Rows of the whole result, over all pages. */
  total: number;
  /** Index of the first row of this page in the whole result, from 0. */
  offset: number;
  rowId: (row: Row) => string;
  /** What names the row's checkbox. */
  rowName: (row: Row) => string;
  isDimmed?: (row: Row) => boolean;
  sort?: string;
  onSort?: (sort: string) => void;
  onOpen?: (row: Row) => void;
  selection?: GridSelection<Row>;
  isBusy?: boolean;
  /** Said in place of rows. */
  empty: ReactNode;
}

/** A table of rows with fixed columns, sorting, selection and a keyboard; paging is the caller's. */
export function Grid<Row>(props: GridProps<Row>) {
  const { columns, rows, selection, rowId, offset } = props;
  const boxes = selection ? 1 : 0;
  const offsets = lefts(columns, boxes);
  const anchor = useRef<number | null>(null);
  const allowed = selection ? rows.filter((row) => selection.barred(row) === null) : [];
  const chosen = selection ? allowed.filter((row) => selection.has(row)) : [];

  function setPage(on: boolean) {
    selection?.set(allowed, on);
  }

  function check(index: number, on: boolean, withShift: boolean) {
    if (!selection) return;
    const from = withShift && anchor.current !== null ? anchor.current : index;
    const range = rows.slice(Math.min(from, index), Math.max(from, index) + 1);
    selection.set(range.filter((row) => selection.barred(row) === null), on);
    anchor.current = index;
  }

  const latest = useRef(check);
  useEffect(() => {
    latest.current = check;
  });
  const onCheck = useCallback((index: number, on: boolean, shift: boolean) => latest.current(index, on, shift), []);

  const keys = useGridKeys(
    { rows: rows.length + 1, columns: columns.length + boxes },
    {
      open: ({ row, column }: Spot) => {
        const item = rows[row - 1];
        if (row > 0) {
          if (item !== undefined) props.onOpen?.(item);
        } else if (column < boxes) setPage(chosen.length < allowed.length);
        else props.onSort?.(nextSort(columns[column - boxes]?.sort, props.sort));
      },
      toggle: ({ row }, withShift) => {
        const item = rows[row - 1];
        if (row === 0) setPage(chosen.length < allowed.length);
        else if (item !== undefined && selection?.barred(item) === null) check(row - 1, !selection.has(item), withShift);
      },
      page: () => setPage(true),
    },
  );

  return (
    <div className="grid-scroller" data-busy={props.isBusy ?? false}>
      <table
        role="grid"
        className="grid"
        aria-label={props.label}
        aria-rowcount={props.total + 1}
        aria-colcount={columns.length + boxes}
        aria-multiselectable={selection ? true : undefined}
        onKeyDown={keys.onKeyDown}
        onFocus={keys.onFocus}
      >
        <GridHeader
          columns={columns}
          lefts={offsets}
          sort={props.sort}
          onSort={(field) => props.onSort?.(nextSort(field, props.sort))}
          canSort={props.onSort !== undefined}
          box={selection && { all: allowed.length, chosen: chosen.length, set: setPage }}
          activeColumn={keys.active.row === 0 ? keys.active.column : -1}
        />
        <tbody>
          {rows.map((row, index) => (
            <GridRow
              key={rowId(row)}
              row={row}
              index={index}
              absolute={offset + index + 2}
              name={props.rowName(row)}
              columns={columns}
              lefts={offsets}
              isDimmed={props.isDimmed?.(row) ?? false}
              activeColumn={keys.active.row === index + 1 ? keys.active.column : -1}
              selected={selection ? selection.has(row) && selection.barred(row) === null : null}
              barred={selection?.barred(row) ?? null}
              onCheck={onCheck}
            />
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <div className="grid-empty">{props.empty}</div>}
    </div>
  );
}
