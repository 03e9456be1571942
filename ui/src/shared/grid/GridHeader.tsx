import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { useEffect, useRef } from "react";

import type { Column } from "@/shared/grid/columns";
import { cellStyle } from "@/shared/grid/offsets";

interface Box {
  /** Rows of the page that can be selected, and those that are. */
  all: number;
  chosen: number;
  set: (on: boolean) => void;
}

interface Props<Row> {
  columns: readonly Column<Row>[];
  lefts: string;
  sort?: string;
  canSort: boolean;
  onSort: (field: string) => void;
  box?: Box;
  activeColumn: number;
}

/** The header row: page box, sort buttons. */
export function GridHeader<Row>({ columns, lefts, sort, canSort, onSort, box, activeColumn }: Props<Row>) {
  const boxes = box ? 1 : 0;
  return (
    <thead>
      <tr aria-rowindex={1}>
        {box && (
          // The whole cell is the target; by keyboard the grid's own Space does the same.
          <th
            className="grid-box"
            data-fixed="true"
            data-cell="0:0"
            tabIndex={activeColumn === 0 ? 0 : -1}
            style={{ left: 0 }}
            onClick={(event) => {
              if (event.target === event.currentTarget && box.all > 0) box.set(box.chosen < box.all);
            }}
          >
            <PageBox {...box} />
          </th>
        )}
        {columns.map((column, index) => (
          <th
            key={column.id}
            scope="col"
            aria-sort={column.sort && canSort ? direction(column.sort, sort) : undefined}
            aria-colindex={index + 1 + boxes}
            data-fixed={column.fixed ?? false}
            data-number={column.isNumber ?? false}
            data-cell={`0:${index + boxes}`}
            tabIndex={activeColumn === index + boxes ? 0 : -1}
            style={cellStyle(column, lefts, index)}
            title={column.help}
          >
            {column.sort && canSort ? (
              <button type="button" className="grid-sort" tabIndex={-1} onClick={() => onSort(column.sort ?? "")}>
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
  );
}

type Direction = "ascending" | "descending" | "none";

export function direction(field: string, sort: string | undefined): Direction {
  if (sort === field) return "ascending";
  return sort === `-${field}` ? "descending" : "none";
}

export function SortMark({ order }: { order: Direction }) {
  if (order === "none") return null;
  return order === "ascending" ? <IconArrowUp size={13} aria-hidden /> : <IconArrowDown size={13} aria-hidden />;
}

function PageBox({ all, chosen, set }: Box) {
  const box = useRef<HTMLInputElement>(null);
  const isPart = chosen > 0 && chosen < all;
  useEffect(() => {
    if (box.current) box.current.indeterminate = isPart;
  }, [isPart]);
  return (
    <input
      ref={box}
      type="checkbox"
      tabIndex={-1}
      aria-label="Select all rows on this page"
      checked={all > 0 && chosen === all}
      disabled={all === 0}
      onChange={(event) => set(event.currentTarget.checked)}
    />
  );
}
