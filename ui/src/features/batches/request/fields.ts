import type { Field, Kind } from "@/shared/filters/clause";

const money = (id: string, label: string): Field => ({ id, label, kind: "money" satisfies Kind });

/** What a request filters by: all in dollars but Buys and Sells, which are counts. Source: product 7. */
export const REQUEST_FIELDS: readonly Field[] = [
  {
    id: "result",
    label: "Result",
    kind: "choice",
    choices: [
      ["COMPLETE", "Proposed or complete"],
      ["STALE", "Stale"],
      ["FAILED", "Failed"],
      ["REMOVED", "Removed"],
      ["CANCELLED", "Cancelled"],
      ["WORKING", "Working"],
    ],
  },
  money("market_value", "Market value"),
  money("begin_cash", "Beginning available cash"),
  money("end_cash", "Ending available cash"),
  { id: "buys", label: "Buys (number)", kind: "count" },
  money("buys_value", "Market value of buys"),
  { id: "sells", label: "Sells (number)", kind: "count" },
  money("sells_value", "Market value of sells"),
  money("flats_value", "Market value of flat trades"),
  money("short_term", "Short-term G&L"),
  money("long_term", "Long-term G&L"),
  money("estimated", "Estimated realized G&L"),
  money("wash_disallowed", "Loss disallowed by wash sales"),
];
