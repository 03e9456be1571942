import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { QueuePage, TileCounts } from "@/shared/api/models";
import { usePoll } from "@/shared/live/live";
import type { Filter } from "@/shared/selection/selection";
import type { List } from "@/shared/state/useList";

const filterQuery = ({ tiles, f, q }: Filter) => ({ tile: tiles, f, q });

/** One page of the accounts that need rebalancing. */
export function useQueuePage({ filter, search, page, size }: List) {
  const query = { ...filterQuery(filter), sort: search.sort, page, size };
  return useQuery({
    queryKey: [...keys.queue, query],
    queryFn: ({ signal }) => get<QueuePage>("/queue/accounts", query, signal),
    placeholderData: keepPreviousData,
    refetchInterval: usePoll(),
  });
}

/** What choosing each tile would leave under this filter; asked apart, so that rows never wait for counts. */
export function useTiles(filter: Filter) {
  const query = filterQuery(filter);
  return useQuery({
    queryKey: [...keys.tiles, query],
    queryFn: ({ signal }) => get<TileCounts>("/queue/tiles", query, signal),
    placeholderData: keepPreviousData,
    refetchInterval: usePoll(),
  });
}
