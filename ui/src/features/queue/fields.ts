import { QUEUE_FIELD_KINDS } from "@/shared/api/rules";
import type { Field } from "@/shared/filters/clause";
import { fieldsOf } from "@/shared/filters/fields";
import { sourceNames } from "@/shared/format/names";

const field = fieldsOf(QUEUE_FIELD_KINDS);

/** What the list of accounts filters by. */
export const QUEUE_FIELDS: readonly Field[] = [
  field("account_number", "Account #"),
  field("name", "Account name"),
  field("market_value", "Market value"),
  field("cash", "Cash"),
  field("cash_weight", "Cash weight"),
  field("cash_target", "Cash target"),
  field("max_drift", "Max drift"),
  field("drifted", "Drifted positions"),
  field("needed_since", "Needed since"),
  field("last_rebalanced", "Last rebalanced"),
  field("source", "Source", Object.entries(sourceNames)),
  field("custodian", "Custodian"),
  field("portfolio_id", "Target portfolio"),
  field("advisor_id", "Advisor"),
  field("enterprise_id", "Enterprise"),
];
