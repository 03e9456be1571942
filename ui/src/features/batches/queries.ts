import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { BatchAccountView, BatchList, BatchPage, BatchSummary } from "@/shared/api/models";
import { POLL_MS, usePoll } from "@/shared/live/live";
import type { List } from "@/shared/state/useList";

export type Shelf = "open" | "history";

const LONGEST_MS = 3_600_000;

/** Requests still open, or decided ones. */
export function useBatches(state: Shelf, page = 1, size = 200) {
  const query = { state, page, size };
  const poll = usePoll();
  return useQuery({
    queryKey: [...keys.batches, query],
    queryFn: ({ signal }) => get<BatchList>("/batches", query, signal),
    placeholderData: keepPreviousData,
    refetchInterval: (found) => poll || untilDue(found.state.data?.rows ?? []),
  });
}

/** One page of a request's accounts, with the request and its totals. */
export function useBatchPage(id: number, { filter, search, page, size }: Pick<List, "filter" | "search" | "page" | "size">) {
  const query = { f: filter.f, q: filter.q, sort: search.sort, page, size };
  const poll = usePoll();
  return useQuery({
    queryKey: [...keys.batch, id, "accounts", query],
    queryFn: ({ signal }) => get<BatchPage>(`/batches/${id}/accounts`, query, signal),
    placeholderData: (previous) => (previous?.batch.batch_id === id ? previous : undefined),
    refetchInterval: (found) => (isOpen(found.state.data?.batch.status) ? poll || untilDue(found.state.data ? [found.state.data.batch] : []) : false),
  });
}

/** One account of a request with every logic. */
export function useBatchAccount(id: number, accountId: string) {
  const poll = usePoll();
  return useQuery({
    queryKey: [...keys.batch, id, "account", accountId],
    queryFn: ({ signal }) => get<BatchAccountView>(`/batches/${id}/accounts/${encodeURIComponent(accountId)}`, {}, signal),
    refetchInterval: (found) => (isOpen(found.state.data?.batch.status) ? poll : false),
  });
}

/**
 * Milliseconds until open requests are asked for again though changes are pushed: at the end of their day, when one that
 * could not be cancelled is put aside, nothing changes that would be pushed.
 */
export function untilDue(batches: readonly Pick<BatchSummary, "status" | "cancel_at">[], now = Date.now()): number | false {
  const ends = batches.filter(({ status }) => isOpen(status)).map(({ cancel_at }) => Date.parse(cancel_at) - now);
  return ends.length === 0 ? false : Math.min(Math.max(Math.min(...ends), POLL_MS), LONGEST_MS);
}

/** Not decided yet: it can still change. */
export function isOpen(status: string | undefined): boolean {
  return status === undefined || status === "WORKING" || status === "PENDING_APPROVAL";
}
