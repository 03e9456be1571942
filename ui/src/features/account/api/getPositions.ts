import { useQuery } from "@tanstack/react-query";

import { get, orNullIfAbsent } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { AccountPositions } from "@/shared/api/models";

/** Positions and settings as the analyzer knows them; null before any custodian file has reported the account. */
export function usePositions(accountId: string) {
  return useQuery({
    queryKey: [...keys.account, accountId, "holdings"],
    queryFn: ({ signal }) => orNullIfAbsent(get<AccountPositions>(`/positions/${encodeURIComponent(accountId)}`, {}, signal)),
  });
}
