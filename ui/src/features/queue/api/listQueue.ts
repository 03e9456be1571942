import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { QueuePage } from "@/shared/api/models";
import { usePoll } from "@/shared/live/live";
import { filterQuery } from "@/shared/selection/selection";
import type { List } from "@/shared/state/useList";

/** One page of the accounts that need rebalancing, with the filter that it is under: the one before, until the next has come. */
export function useQueuePage({ filter, search, page, size }: List) {
  const query = { ...filterQuery(filter), sort: search.sort, page, size };
  return useQuery({
    queryKey: [...keys.queue, query],
    queryFn: async ({ signal }) => ({ ...(await get<QueuePage>("/queue/accounts", query, signal)), filter }),
    placeholderData: keepPreviousData,
    refetchInterval: usePoll(),
  });
}
