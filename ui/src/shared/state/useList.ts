import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo } from "react";

import { recall, remember } from "@/shared/state/memory";
import type { Filter } from "@/shared/selection/selection";
import { DEFAULT_SIZE, type ListSearch } from "@/shared/state/search";

export interface List {
  search: ListSearch;
  filter: Filter;
  page: number;
  size: number;
  /** Change part of it; anything but the page itself leads back to page 1. */
  change: (part: Partial<ListSearch>) => void;
}

const FILTERING = ["tile", "f", "q", "sort", "size", "page"] as const;

/** The filter, order and page of the list under `name`, kept in the address and remembered while the tab is open. */
export function useList(name: string): List {
  const search: ListSearch = useSearch({ strict: false });
  const navigate = useNavigate();
  useEffect(() => {
    const { tile, f, q, sort, size } = search;
    remember(`search.${name}`, { tile, f, q, sort, size });
  }, [name, search]);
  return useMemo(() => {
    const change = (part: Partial<ListSearch>) => {
      const next = { ...search, page: undefined, ...part };
      remember(`search.${name}`, { ...next, page: undefined });
      void navigate({ to: ".", search: next, replace: "q" in part });
    };
    const filter = { tiles: search.tile ?? [], f: search.f ?? [], q: search.q ?? "" };
    return { search, filter, page: search.page ?? 1, size: search.size ?? DEFAULT_SIZE, change };
  }, [name, search, navigate]);
}

/** What to go back to when an address says nothing itself: a link with its own filters wins over the memory. */
export function remembered(name: string, search: ListSearch): Record<string, unknown> | null {
  if (FILTERING.some((part) => search[part] !== undefined)) return null;
  const last = recall(`search.${name}`);
  if (typeof last !== "object" || last === null || Object.keys(last).length === 0) return null;
  return last as Record<string, unknown>;
}
