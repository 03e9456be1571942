/** Where an account can be in the work, and the lists of them. */
import type { FoundAccount } from "@/shared/api/models";
import type { operations } from "@/shared/api/types";
import { stateNames } from "@/shared/format/names";
import { listSearch, type ListSearch } from "@/shared/state/search";

export type Whereabouts = NonNullable<NonNullable<operations["find_accounts"]["parameters"]["query"]>["state"]>;

export interface FindSearch extends ListSearch {
  state?: Whereabouts;
}

/** The lists, in the order in which they are offered. */
export const LISTS: readonly { state: Whereabouts | undefined; name: string }[] = [
  { state: undefined, name: "All" },
  { state: "HELD", name: "Held" },
  { state: "SETTLING", name: "Settling" },
  { state: "IN_BATCH", name: "In a request" },
  { state: "OFF", name: "Switched off" },
  { state: "CLEAR", name: "In tolerance" },
];

export function findSearch(raw: Record<string, unknown>): FindSearch {
  const asked: unknown = Array.isArray(raw.state) ? raw.state[0] : raw.state;
  const state = LISTS.find((list) => list.state !== undefined && list.state === asked)?.state;
  return { ...listSearch(raw, [], []), state };
}

/** In words where an account is. */
export function whereabouts(account: Pick<FoundAccount, "is_evaluated" | "open_batch" | "state">): string {
  if (account.open_batch !== null) return `In request ${account.open_batch}`;
  return account.is_evaluated ? stateNames[account.state] : "Not evaluated yet";
}
