import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { isOpen, untilReported } from "@/features/batches/status";
import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { BatchAccountView } from "@/shared/api/models";
import { usePoll } from "@/shared/live/live";
import type { ListSearch } from "@/shared/state/search";

/** One account of a request with every logic, and its neighbours in the list that it was opened from. */
export function useBatchAccount(id: number, accountId: string, list: ListSearch) {
  const poll = usePoll();
  const client = useQueryClient();
  const found = useQuery({
    ...accountOf(id, accountId, list),
    refetchInterval: (query) => (isOpen(query.state.data?.batch.status) ? poll : untilReported(query.state.data?.batch)),
  });
  const next = found.data?.next_id ?? null;
  // The next one is there when it is asked for, so that the page, and with it the focus, stays.
  useEffect(() => {
    if (next !== null) client.query(accountOf(id, next, list)).catch(() => undefined); // it is asked for again on its page
  }, [client, id, next, list]);
  return found;
}

function accountOf(id: number, accountId: string, { f, q, sort }: ListSearch) {
  return queryOptions({
    queryKey: [...keys.batch, id, "account", accountId, { f, q, sort }],
    queryFn: ({ signal }) => get<BatchAccountView>(`/batches/${id}/accounts/${encodeURIComponent(accountId)}`, { f, q, sort }, signal),
  });
}
