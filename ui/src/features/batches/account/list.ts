/** The list that an account was opened from, as its address holds it. */
import { DEFAULT_SIZE, type ListSearch } from "@/shared/state/search";

/** The list at the page on which the account stands, from its place in the list (from 1; 0: it is not in it). */
export function listPage(list: ListSearch, position: number): ListSearch {
  const page = position === 0 ? (list.page ?? 1) : Math.ceil(position / (list.size ?? DEFAULT_SIZE));
  return { ...list, page: page > 1 ? page : undefined };
}
