import { useQuery } from "@tanstack/react-query";

import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import { ProblemError } from "@/shared/api/problem";

/** A position held or targeted; weights are absent while the account cannot be valued. */
export interface Holding {
  security_id: string;
  sleeve_id: string;
  quantity: string;
  price: string | null;
  value: string | null;
  weight: string | null;
  target: string;
  low: string;
  high: string;
  can_trigger: boolean;
  outside: boolean;
}

/** Units of a lot that leave first when its security is sold; without a sleeve, wherever the lot stands. */
export interface LotPick {
  security_id: string;
  lot_id: string;
  sleeve_id: string | null;
  quantity: string;
}

export interface Settings {
  rebalancer_on: boolean;
  do_not_trade: boolean;
  taxable: boolean;
  lot_method: string;
  gain_budget_short: string | null;
  gain_budget_total: string | null;
  no_short_term_gains: boolean;
  threshold: string;
  precision: string;
  floor: string;
  cash_reserve: string;
  cash_set_aside: string;
  restrictions: { security_id: string; restrictions: string[]; substitute_id?: string | null }[];
  lot_picks: LotPick[];
}

export interface Holdings {
  as_of: string | null;
  prices_as_of: string | null;
  settings: Settings;
  positions: Holding[];
}

/** What the analyzer knows of the account's holdings and settings; null before any file has told of it. */
export function useHoldings(accountId: string) {
  return useQuery({
    queryKey: [...keys.account, accountId, "holdings"],
    queryFn: async ({ signal }) => {
      try {
        return await get<Holdings>(`/positions/${encodeURIComponent(accountId)}`, {}, signal);
      } catch (error) {
        if (error instanceof ProblemError && error.status === 404) return null;
        throw error;
      }
    },
  });
}
