import { useQuery } from "@tanstack/react-query";

import { isOpen, untilReported } from "@/features/batches/status";
import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { BatchAccountView } from "@/shared/api/models";
import { usePoll } from "@/shared/live/live";

/** One account of a request with every logic. */
export function useBatchAccount(id: number, accountId: string) {
  const poll = usePoll();
  return useQuery({
    queryKey: [...keys.batch, id, "account", accountId],
    queryFn: ({ signal }) => get<BatchAccountView>(`/batches/${id}/accounts/${encodeURIComponent(accountId)}`, {}, signal),
    refetchInterval: (found) => (isOpen(found.state.data?.batch.status) ? poll : untilReported(found.state.data?.batch)),
  });
}
