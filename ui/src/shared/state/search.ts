/** The page's address holds what a list shows: filter, order and page. Junk in it is dropped, defaults are left out. */
import type { TileChoice } from "@/shared/api/models";
import { clean, type Field } from "@/shared/filters/clause";
import { TILES } from "@/shared/format/names";

export const SIZES = [50, 100, 200] as const;
export const DEFAULT_SIZE = 200;
export const TILE_CHOICES: readonly TileChoice[] = [...TILES, "NO_TARGET"];

/** What a page shows beside its list, on a tab of its own. */
export const TABS = ["trades"] as const;
export type Tab = (typeof TABS)[number];

export interface ListSearch {
  tab?: Tab;
  tile?: TileChoice[];
  f?: string[];
  q?: string;
  sort?: string;
  page?: number;
  size?: number;
}

/** Addresses are written as plain repeated keys: ?tile=HIGH_CASH&f=market_value.gte.10000&page=2. */
export function writeAddress(search: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (typeof item === "string" || typeof item === "number") params.append(name, String(item));
    }
  }
  const text = params.toString();
  return text ? `?${text}` : "";
}

/** Read an address: every key with the list of its values. */
export function readAddress(text: string): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const [name, value] of new URLSearchParams(text)) (found[name] ??= []).push(value);
  return found;
}

/**
 * Check what an address says against what a list knows. Every part is named, also where it is undefined: the router would else give
 * the junk of the address in its place.
 */
export function listSearch(raw: Record<string, unknown>, fields: readonly Field[], sorts: readonly string[], tabs: readonly Tab[] = []): ListSearch {
  const all = (name: string) => many(raw[name]);
  const first = (name: string) => all(name)[0] ?? "";
  const tiles = TILE_CHOICES.filter((tile) => all("tile").includes(tile));
  const f = clean(all("f"), fields);
  const page = whole(first("page"));
  const size = SIZES.find((offered) => offered === whole(first("size")));
  return {
    tab: tabs.find((offered) => offered === first("tab")),
    tile: tiles.length > 0 ? tiles : undefined,
    f: f.length > 0 ? f : undefined,
    q: first("q").trim().slice(0, 80) || undefined,
    sort: sorts.includes(first("sort").replace(/^-/, "")) ? first("sort") : undefined,
    page: page > 1 ? page : undefined,
    size: size !== DEFAULT_SIZE ? size : undefined,
  };
}

/** Whether an address says anything. */
export const saysAnything = (search: ListSearch): boolean => Object.values(search).some((part) => part !== undefined);

function many(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((item) => typeof item === "string" || typeof item === "number").map(String);
}

function whole(text: string): number {
  return /^\d{1,7}$/.test(text) ? Number(text) : 0;
}
