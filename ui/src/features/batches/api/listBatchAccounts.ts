import { useQuery } from "@tanstack/react-query";

import { isOpen, untilDue, untilReported } from "@/features/batches/status";
import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { BatchPage } from "@/shared/api/models";
import { usePoll } from "@/shared/live/live";
import type { List } from "@/shared/state/useList";

/** One page of a request's accounts, with its totals and the filter that they are under: the one before, until the next has come. */
export function useBatchPage(id: number, { filter, search, page, size }: Pick<List, "filter" | "search" | "page" | "size">) {
  const query = { f: filter.f, q: filter.q, sort: search.sort, page, size };
  const poll = usePoll();
  return useQuery({
    queryKey: [...keys.batch, id, "accounts", query],
    queryFn: async ({ signal }) => ({ ...(await get<BatchPage>(`/batches/${id}/accounts`, query, signal)), filter }),
    placeholderData: (previous) => (previous?.batch.batch_id === id ? previous : undefined),
    refetchInterval: (found) => (isOpen(found.state.data?.batch.status) ? poll || untilDue(found.state.data ? [found.state.data.batch] : []) : untilReported(found.state.data?.batch)),
  });
}
