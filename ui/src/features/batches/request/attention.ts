/** What of a request's accounts asks for a look before it is decided. The server says which; these are the words. */
import type { BatchPage } from "@/shared/api/models";
import { LARGE_TURNOVER_PERCENT, type ATTENTION } from "@/shared/api/rules";

export type Attention = (typeof ATTENTION)[number];

export const attentionNames: Readonly<Record<Attention, string>> = {
  OVER_BUDGET: "Over gain budget",
  SHORT_TERM_GAIN: "Short-term gains",
  WASH_SALE: "Wash sales",
  UNKNOWN_BASIS: "Unknown cost basis",
  LARGE_TURNOVER: "Large turnover",
  STALE: "Stale",
  FAILED: "Failed",
};

/** What a kind means, where its name does not say it. */
export const attentionMeanings: Partial<Record<Attention, string>> = {
  LARGE_TURNOVER: `Market buys and sells are together more than ${LARGE_TURNOVER_PERCENT}% of the account's value`,
};

export const KINDS = Object.keys(attentionNames) as Attention[];

const CLAUSE = "attention.in.";

/** How many accounts ask for this kind of look, over the whole request. */
export function countOf(counts: BatchPage["attention"], kind: Attention): number {
  return counts[kind.toLowerCase() as Lowercase<Attention>];
}

/** The kinds that a filter shows; none where it does not ask for any. */
export function chosen(f: readonly string[]): readonly Attention[] {
  const values = f.filter((clause) => clause.startsWith(CLAUSE)).flatMap((clause) => clause.slice(CLAUSE.length).split("|"));
  return KINDS.filter((kind) => values.includes(kind));
}

/** The filter with a kind shown as well, or no longer; its other clauses stay. */
export function toggled(f: readonly string[], kind: Attention): string[] {
  const now = chosen(f);
  const next = now.includes(kind) ? now.filter((other) => other !== kind) : [...now, kind];
  const others = f.filter((clause) => !clause.startsWith(CLAUSE));
  return next.length === 0 ? others : [...others, CLAUSE + next.join("|")];
}
