import type { ReactNode } from "react";

import { direction, SortMark } from "@/shared/grid/GridHeader";
import { nextSort } from "@/shared/grid/offsets";

export interface PlainColumn<Row> {
  header: string;
  isNumber?: boolean;
  help?: string;
  /** Stays in sight at the right while the table scrolls. */
  isPinned?: boolean;
  /** The server's name to sort by; without it the column does not sort. */
  sort?: string;
  cell: (row: Row) => ReactNode;
}

interface Props<Row> {
  label: string;
  columns: readonly PlainColumn<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  empty?: string;
  /** The order in force, downwards with a leading "-". */
  sort?: string;
  onSort?: (sort: string) => void;
  /** Rows that are shown in grey. */
  isMuted?: (row: Row) => boolean;
}

/** A table to read: no selection, no paging. Wide ones scroll by themselves. */
export function PlainTable<Row>({ label, columns, rows, rowKey, empty = "None", sort, onSort, isMuted }: Props<Row>) {
  if (rows.length === 0) return <p className="note">{empty}</p>;
  return (
    // A region that scrolls must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="plain-scroller" tabIndex={0} role="region" aria-label={label}>
      <table className="plain" aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.header}
                scope="col"
                aria-sort={column.sort && onSort ? direction(column.sort, sort) : undefined}
                data-number={column.isNumber ?? false}
                data-pinned={column.isPinned ?? false}
                title={column.help}
              >
                {column.sort && onSort ? (
                  <button type="button" className="grid-sort" onClick={() => onSort(nextSort(column.sort, sort))}>
                    {column.header}
                    <SortMark order={direction(column.sort, sort)} />
                  </button>
                ) : (
                  column.header
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} data-muted={isMuted?.(row) ?? false}>
              {columns.map((column) => (
                <td key={column.header} data-number={column.isNumber ?? false} data-pinned={column.isPinned ?? false}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
