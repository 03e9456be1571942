import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { untilDue, type Shelf } from "@/features/batches/status";
import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { BatchList } from "@/shared/api/models";
import { usePoll } from "@/shared/live/live";

interface Asked {
  f?: readonly string[];
  q?: string;
  sort?: string;
  page?: number;
  size?: number;
}

/** Requests still open, or decided ones. */
export function useBatches(state: Shelf, { page = 1, size = 200, ...filter }: Asked = {}) {
  const query = { state, ...filter, page, size };
  const poll = usePoll();
  return useQuery({
    queryKey: [...keys.batches, query],
    queryFn: ({ signal }) => get<BatchList>("/batches", query, signal),
    placeholderData: keepPreviousData,
    refetchInterval: (found) => poll || untilDue(found.state.data?.rows ?? []),
  });
}
