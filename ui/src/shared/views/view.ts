/** What a saved view brings back, fitted to what its list knows today. */
import type { SavedView, ViewContent } from "@/shared/api/models";
import type { Field } from "@/shared/filters/clause";
import { plural } from "@/shared/format/format";
import { fitted, type Column, type Layout } from "@/shared/grid/columns";
import { sameFilter } from "@/shared/selection/selection";
import { listSearch, type ListSearch } from "@/shared/state/search";

/** What a list shows: filter and order, and its columns where they can be laid out. */
export interface Shown {
  search: ListSearch;
  layout: Layout | null;
}

/** What a list knows: fields to filter by, orders, and columns; null: its columns cannot be laid out. */
export interface Known {
  fields: readonly Field[];
  sorts: readonly string[];
  columns: readonly Pick<Column<never>, "id" | "fixed" | "isExtra">[] | null;
}

/** The content of a view of what is shown, with its layout or without. */
export function contentOf({ search, layout }: Shown, hasLayout: boolean): ViewContent {
  return { tiles: search.tile ?? [], f: search.f ?? [], q: search.q ?? "", sort: search.sort ?? null, layout: hasLayout ? layout : null };
}

/** What a list shows under a view, and what of the view it does not know (any more), as a sentence; null: it knows all. */
export function under(content: ViewContent, known: Known): Shown & { leftOut: string | null } {
  const { tiles: tile, f, q, sort, layout } = content;
  const search = listSearch({ tile, f, q, sort: sort ?? undefined }, known.fields, known.sorts);
  const columns = known.columns;
  const foreign = layout && columns ? layout.order.filter((id) => !columns.some((column) => column.id === id)).length : 0;
  const filters = (f?.length ?? 0) - (search.f?.length ?? 0);
  const missing = [
    filters > 0 ? plural(filters, "filter") : "",
    sort && !search.sort ? "the order" : "",
    foreign > 0 ? plural(foreign, "column") : "",
  ].filter(Boolean);
  return {
    search,
    layout: layout && columns ? fitted(layout, columns) : null,
    leftOut: missing.length > 0 ? `This list does not have all that was saved. Left out: ${missing.join(", ")}.` : null,
  };
}

/** Whether a list shows something else than the view says; a view without a layout says nothing of columns. */
export function differs(shown: Shown, view: SavedView, known: Known): boolean {
  const said = under(view.content, known);
  const filter = ({ tile, f, q }: ListSearch) => ({ tiles: tile ?? [], f: f ?? [], q: q ?? "" });
  if (!sameFilter(filter(shown.search), filter(said.search)) || shown.search.sort !== said.search.sort) return true;
  return said.layout !== null && shown.layout !== null && !isSameLayout(said.layout, shown.layout);
}

function isSameLayout(left: Layout, right: Layout): boolean {
  const text = ({ order, hidden }: Layout) => JSON.stringify([order, [...hidden].sort()]);
  return text(left) === text(right);
}
