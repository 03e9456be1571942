/** Columns of a list, and the user's layout of them. */
import { useMemo, useState, type ReactNode } from "react";

import { recall, remember } from "@/shared/state/memory";

export interface Column<Row> {
  id: string;
  header: string;
  /** Shown on the header; for a word that is not everyday. */
  help?: string;
  /** Stays at the left and cannot be hidden or moved. */
  fixed?: boolean;
  isNumber?: boolean;
  width: number;
  /** The server's name to sort by; without it the column does not sort. */
  sort?: string;
  cell: (row: Row) => ReactNode;
  /** Not shown until the user asks for it. */
  isExtra?: boolean;
}

export interface Layout {
  order: string[];
  hidden: string[];
}

type Known = Pick<Column<never>, "id" | "fixed" | "isExtra">;

/** The layout nobody has touched. */
export function initialLayout(columns: readonly Known[]): Layout {
  return { order: columns.map(({ id }) => id), hidden: columns.filter(({ isExtra }) => isExtra).map(({ id }) => id) };
}

/** Fit a remembered layout to the columns there are: unknown ones go, new ones come last, fixed ones stay first. */
export function fitted(saved: unknown, columns: readonly Known[]): Layout {
  const initial = initialLayout(columns);
  if (!isLayout(saved)) return initial;
  const fixed = columns.filter((column) => column.fixed).map(({ id }) => id);
  const movable = initial.order.filter((id) => !fixed.includes(id));
  const known = saved.order.filter((id, at) => movable.includes(id) && saved.order.indexOf(id) === at);
  const added = movable.filter((id) => !known.includes(id));
  const hidden = movable.filter((id) => saved.hidden.includes(id) || (added.includes(id) && initial.hidden.includes(id)));
  return { order: [...fixed, ...known, ...added], hidden };
}

/** Move a column by one; fixed columns stay where they are. */
export function moved(layout: Layout, id: string, by: -1 | 1, fixedCount: number): Layout {
  const at = layout.order.indexOf(id);
  const to = at + by;
  if (at < fixedCount || to < fixedCount || to >= layout.order.length) return layout;
  const order = layout.order.toSpliced(at, 1).toSpliced(to, 0, id);
  return { ...layout, order };
}

export function toggled(layout: Layout, id: string): Layout {
  const isHidden = layout.hidden.includes(id);
  return { ...layout, hidden: isHidden ? layout.hidden.filter((other) => other !== id) : [...layout.hidden, id] };
}

/** The layout of the list under `name`, remembered until sign-out or the tab closes. */
export function useLayout(name: string, columns: readonly Known[]): [Layout, (next: Layout) => void] {
  const key = `layout.${name}`;
  const [saved, setSaved] = useState<unknown>(() => recall(key));
  const layout = useMemo(() => fitted(saved, columns), [saved, columns]);
  return [
    layout,
    (next) => {
      remember(key, next);
      setSaved(next);
    },
  ];
}

/** The columns to draw, in the user's order. */
export function useVisible<Row>(columns: readonly Column<Row>[], layout: Layout): Column<Row>[] {
  return useMemo(() => visible(columns, layout), [columns, layout]);
}

/** The columns that a layout shows, in its order. */
export function visible<Known extends Pick<Column<never>, "id">>(columns: readonly Known[], { order, hidden }: Layout): Known[] {
  const shown = order.filter((id) => !hidden.includes(id)).map((id) => columns.find((column) => column.id === id));
  return shown.filter((column) => column !== undefined);
}

function isLayout(value: unknown): value is Layout {
  const { order, hidden } = (value ?? {}) as Partial<Record<keyof Layout, unknown>>;
  const isList = (list: unknown) => Array.isArray(list) && list.every((item) => typeof item === "string");
  return isList(order) && isList(hidden);
}
