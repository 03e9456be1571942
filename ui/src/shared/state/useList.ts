import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";

import { recallFilters, rememberFilters } from "@/shared/state/memory";
import { count } from "@/shared/format/format";
import type { Filter } from "@/shared/selection/selection";
import { DEFAULT_SIZE, type ListSearch } from "@/shared/state/search";

export interface List {
  search: ListSearch;
  filter: Filter;
  page: number;
  size: number;
  /** Change part of it; anything but the page itself leads back to page 1. isStep: a step back undoes it. */
  change: (part: Partial<ListSearch>, isStep?: boolean) => void;
}

const FILTERING = ["tile", "f", "q", "sort", "size", "page"] as const;

/** The filter, order and page of the list under `name`, kept in the address and remembered for the user. */
export function useList(name: string): List {
  const search: ListSearch = useSearch({ strict: false });
  const navigate = useNavigate();
  useEffect(() => {
    const { tile, f, q, sort, size } = search;
    rememberFilters(name, { tile, f, q, sort, size });
  }, [name, search]);
  return useMemo(() => {
    const change = (part: Partial<ListSearch>, isStep = !("q" in part)) => {
      const next = { ...search, ...part, page: part.page === 1 ? undefined : part.page };
      rememberFilters(name, { ...next, page: undefined });
      void navigate({ to: ".", search: next, replace: !isStep });
    };
    const filter = { tiles: search.tile ?? [], f: search.f ?? [], q: search.q ?? "" };
    return { search, filter, page: search.page ?? 1, size: search.size ?? DEFAULT_SIZE, change };
  }, [name, search, navigate]);
}

/**
 * Leads from a page that does not exist (any more) to the last one, and returns the sentence that says so, else null.
 * total: rows of the list as it is asked for now; undefined while that is not known.
 */
export function useRealPage({ page, size, change }: List, total: number | undefined): string | null {
  const [led, setLed] = useState<{ asked: number; to: number } | null>(null);
  const pages = total === undefined ? undefined : Math.max(1, Math.ceil(total / size));
  const isBeyond = pages !== undefined && page > pages;
  if (isBeyond && (led?.asked !== page || led.to !== pages)) setLed({ asked: page, to: pages });
  if (led && !isBeyond && page !== led.to && page !== led.asked) setLed(null);
  useEffect(() => {
    if (isBeyond) change({ page: pages }, false);
  }, [isBeyond, pages, change]);
  return led && page === led.to ? `There is no page ${count(led.asked)}: this is the last one.` : null;
}

/** What to go back to when an address says nothing itself: a link with its own filters wins over the memory. */
export function remembered(name: string, search: ListSearch): Record<string, unknown> | null {
  if (FILTERING.some((part) => search[part] !== undefined)) return null;
  const last = recallFilters(name);
  if (typeof last !== "object" || last === null || Object.keys(last).length === 0) return null;
  return last as Record<string, unknown>;
}
