import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { FoundAccounts } from "@/shared/api/models";
import type { Whereabouts } from "@/features/queue/find/whereabouts";
import { usePoll } from "@/shared/live/live";

export interface Find {
  q: string;
  state?: Whereabouts;
  page: number;
  size: number;
}

/** Accounts in any state whose words begin with these. isWanted: false asks for nothing. */
export function useFound(find: Find, isWanted = true) {
  return useQuery({
    queryKey: [...keys.found, find],
    queryFn: async ({ signal }) => ({ ...(await get<FoundAccounts>("/accounts", { ...find }, signal)), find }),
    placeholderData: keepPreviousData,
    refetchInterval: usePoll(),
    enabled: isWanted,
  });
}
