import { HISTORY_FIELD_KINDS } from "@/shared/api/rules";
import type { Field } from "@/shared/filters/clause";
import { fieldsOf } from "@/shared/filters/fields";

const field = fieldsOf(HISTORY_FIELD_KINDS);

/** What history filters by. */
export const HISTORY_FIELDS: readonly Field[] = [
  field("decided", "Decided (day)"),
  field("decision", "Result", [["APPROVED", "Complete"], ["CANCELLED", "Cancelled"], ["FAILED", "Failed"]]),
  field("requested_by", "Requested by"),
  field("decided_by", "Decided by"),
  field("number", "Request number"),
  field("label", "Request name"),
  field("accounts", "Accounts"),
  field("complete", "Complete"),
  field("failed", "Failed"),
  field("removed", "Removed"),
  field("turnover", "Bought and sold"),
  field("short_term", "Short-term G&L"),
  field("long_term", "Long-term G&L"),
  field("estimated", "Estimated G&L"),
  field("trade_date", "Business date"),
  field("requested", "Requested (day)"),
];

/** Orders of history: by each field it filters by. */
export const HISTORY_SORTS: readonly string[] = HISTORY_FIELDS.map(({ id }) => id);
