import { memo } from "react";

import type { Column } from "@/shared/grid/columns";
import { cellStyle } from "@/shared/grid/offsets";

interface Props<Row> {
  row: Row;
  index: number;
  /** aria-rowindex: the row in the whole result, the header counted. */
  absolute: number;
  name: string;
  columns: readonly Column<Row>[];
  lefts: string;
  isDimmed: boolean;
  /** Column that holds the grid's tab stop; -1 when it is in another row. */
  activeColumn: number;
  /** null: this grid selects nothing. */
  selected: boolean | null;
  barred: string | null;
  onCheck: (index: number, on: boolean, withShift: boolean) => void;
}

function Row<Row>(props: Props<Row>) {
  const { row, index, columns, selected, barred, activeColumn } = props;
  const boxes = selected === null ? 0 : 1;
  const cell = (column: number) => ({ "data-cell": `${index + 1}:${column}`, tabIndex: activeColumn === column ? 0 : -1 });
  return (
    <tr aria-rowindex={props.absolute} aria-selected={selected ?? undefined} data-dimmed={props.isDimmed}>
      {selected !== null && (
        // The whole cell is the target; by keyboard the grid's own Space does the same.
        <td
          role="gridcell"
          className="grid-box"
          data-fixed="true"
          style={{ left: 0 }}
          onClick={(event) => {
            if (barred === null && event.target === event.currentTarget) props.onCheck(index, !selected, event.shiftKey);
          }}
          {...cell(0)}
        >
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Select ${props.name}`}
            title={barred ?? undefined}
            checked={selected}
            disabled={barred !== null}
            onChange={(event) => {
              const withShift = event.nativeEvent instanceof MouseEvent && event.nativeEvent.shiftKey;
              props.onCheck(index, event.currentTarget.checked, withShift);
            }}
          />
        </td>
      )}
      {columns.map((column, at) => {
        const shared = {
          ...cell(at + boxes),
          "aria-colindex": at + 1 + boxes,
          "data-fixed": column.fixed ?? false,
          "data-number": column.isNumber ?? false,
          style: column.fixed ? cellStyle(column, props.lefts, at) : undefined,
        };
        return at === 0 ? (
          <th key={column.id} scope="row" {...shared}>
            {column.cell(row)}
          </th>
        ) : (
          <td key={column.id} role="gridcell" {...shared}>
            {column.cell(row)}
          </td>
        );
      })}
    </tr>
  );
}

/** One row; drawn again only when something of it changes. */
export const GridRow = memo(Row) as typeof Row;
