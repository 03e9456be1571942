import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { TileCounts } from "@/shared/api/models";
import { usePoll } from "@/shared/live/live";
import { filterQuery, type Filter } from "@/shared/selection/selection";

/** What each tile holds under this filter, whatever is chosen; a request of its own, so that rows never wait for counts. */
export function useTiles(filter: Filter) {
  const query = filterQuery(filter);
  return useQuery({
    queryKey: [...keys.tiles, query],
    queryFn: ({ signal }) => get<TileCounts>("/queue/tiles", query, signal),
    placeholderData: keepPreviousData,
    refetchInterval: usePoll(),
  });
}
