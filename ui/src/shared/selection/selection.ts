/** What is selected: accounts one by one, or all that match a filter except some. The second never holds their ids. */
import type { TileChoice } from "@/shared/api/models";

export interface Filter {
  tiles: readonly TileChoice[];
  f: readonly string[];
  q: string;
}

/** The filter as the server's query parameters. */
export const filterQuery = ({ tiles, f, q }: Filter) => ({ tile: tiles, f, q });

export type Selection =
  | { kind: "ids"; ids: ReadonlySet<string> }
  | { kind: "matching"; filter: Filter; except: ReadonlySet<string> };

export type SelectionBody =
  | { kind: "ids"; ids: string[] }
  | { kind: "matching"; tiles: TileChoice[]; f: string[]; q: string; exclude: string[] };

export const NOTHING: Selection = { kind: "ids", ids: new Set() };

export function allMatching(filter: Filter): Selection {
  return { kind: "matching", filter, except: new Set() };
}

export function has(selection: Selection, id: string): boolean {
  return selection.kind === "ids" ? selection.ids.has(id) : !selection.except.has(id);
}

/** Select or release these; what is selected by filter is released by naming the exception. */
export function set(selection: Selection, ids: readonly string[], on: boolean): Selection {
  if (selection.kind === "ids") return { kind: "ids", ids: changed(selection.ids, ids, on) };
  return { ...selection, except: changed(selection.except, ids, !on) };
}

/** How many are selected, when so many match the filter: never below 0, never above what matches. null while that is being counted. */
export function size(selection: Selection, matching: number): number;
export function size(selection: Selection, matching: number | null): number | null;
export function size(selection: Selection, matching: number | null): number | null {
  if (selection.kind === "ids") return selection.ids.size;
  return matching === null ? null : Math.max(0, matching - selection.except.size);
}

/** Another filter drops a selection made by filter (it is never silently widened); one by one it stays. */
export function under(selection: Selection, filter: Filter): Selection {
  return selection.kind === "ids" || sameFilter(selection.filter, filter) ? selection : NOTHING;
}

export function sameFilter(left: Filter, right: Filter): boolean {
  const text = ({ tiles, f, q }: Filter) => JSON.stringify([[...tiles].sort(), [...f].sort(), q]);
  return text(left) === text(right);
}

/** The form that a command carries. */
export function body(selection: Selection): SelectionBody {
  if (selection.kind === "ids") return { kind: "ids", ids: [...selection.ids].sort() };
  const { tiles, f, q } = selection.filter;
  return { kind: "matching", tiles: [...tiles], f: [...f], q, exclude: [...selection.except].sort() };
}

function changed(from: ReadonlySet<string>, ids: readonly string[], add: boolean): ReadonlySet<string> {
  const next = new Set(from);
  for (const id of ids) {
    if (add) next.add(id);
    else next.delete(id);
  }
  return next;
}
