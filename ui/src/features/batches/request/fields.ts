import { attentionNames } from "@/features/batches/request/attention";
import type { Shelf } from "@/features/batches/status";
import { BATCH_FIELD_KINDS, type RESULTS } from "@/shared/api/rules";
import type { Field } from "@/shared/filters/clause";
import { fieldsOf } from "@/shared/filters/fields";

const field = fieldsOf(BATCH_FIELD_KINDS);

const RESULT_NAMES: Readonly<Record<(typeof RESULTS)[number], string>> = {
  COMPLETE: "Proposed or complete",
  STALE: "Stale",
  FAILED: "Failed",
  REMOVED: "Removed",
  CANCELLED: "Cancelled",
  WORKING: "Working",
};

/** What a request filters by: all in dollars but Buys, Sells and Flat, which are counts. Source: product 7. */
export const REQUEST_FIELDS: readonly Field[] = [
  field("account_number", "Account #"),
  field("name", "Account name"),
  field("result", "Result", Object.entries(RESULT_NAMES)),
  field("attention", "Asks for a look", Object.entries(attentionNames)),
  field("market_value", "Market value"),
  field("begin_cash", "Beginning available cash"),
  field("end_cash", "Ending available cash"),
  field("buys", "Buys (number)"),
  field("buys_value", "Market value of buys"),
  field("sells", "Sells (number)"),
  field("sells_value", "Market value of sells"),
  field("flats", "Flat (number)"),
  field("flats_value", "Market value of flat trades"),
  field("short_term", "Short-term G&L"),
  field("long_term", "Long-term G&L"),
  field("estimated", "Estimated realized G&L"),
  field("wash_disallowed", "Loss disallowed by wash sales"),
  field("wash_earlier", "Earlier losses disallowed by buys"),
  field("over_budget", "Gains above the gain budget"),
  field("execution", "Execution", [["FILLED", "All orders filled"], ["OUTSTANDING", "Some outstanding"], ["REJECTED", "Some rejected"]]),
  field("taxable", "Taxable", [["YES", "Yes"], ["NO", "No"]]),
  field("advisor_id", "Advisor"),
];

/** Nothing is executed before the approval. */
export const fieldsOn = (shelf: Shelf): readonly Field[] => (shelf === "history" ? REQUEST_FIELDS : OPEN_FIELDS);

const OPEN_FIELDS = REQUEST_FIELDS.filter(({ id }) => id !== "execution");
