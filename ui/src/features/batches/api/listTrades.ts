import { useQuery } from "@tanstack/react-query";

import { isOpen } from "@/features/batches/status";
import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { BatchSummary, BatchTrades, SecurityAccounts } from "@/shared/api/models";
import { usePoll } from "@/shared/live/live";
import type { Filter } from "@/shared/selection/selection";

/** What a request trades by security, of the accounts of a filter and of all. */
export function useTrades({ batch_id, status }: BatchSummary, { f, q }: Filter) {
  const poll = usePoll();
  return useQuery({
    queryKey: [...keys.batch, batch_id, "trades", { f, q }],
    queryFn: ({ signal }) => get<BatchTrades>(`/batches/${batch_id}/trades`, { f, q }, signal),
    placeholderData: (previous) => (previous?.batch_id === batch_id ? previous : undefined),
    refetchInterval: isOpen(status) ? poll : false,
  });
}

/** A page of the accounts of a filter that trade a security. */
export function useSecurityTrades(batchId: number, securityId: string, { f, q }: Filter, page: number, size: number) {
  const query = { f, q, page, size };
  return useQuery({
    queryKey: [...keys.batch, batchId, "trades", securityId, query],
    queryFn: ({ signal }) => get<SecurityAccounts>(`/batches/${batchId}/trades/${encodeURIComponent(securityId)}`, query, signal),
    placeholderData: (previous) => previous,
  });
}
