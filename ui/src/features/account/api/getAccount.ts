import { useQuery } from "@tanstack/react-query";

import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { AccountView } from "@/shared/api/models";
import { usePoll } from "@/shared/live/live";

/** One account: why it is flagged, what brought it into the queue, and the batch it is in. */
export function useAccount(accountId: string) {
  return useQuery({
    queryKey: [...keys.account, accountId],
    queryFn: ({ signal }) => get<AccountView>(`/accounts/${encodeURIComponent(accountId)}`, {}, signal),
    refetchInterval: usePoll(),
  });
}
