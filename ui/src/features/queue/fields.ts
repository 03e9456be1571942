import type { Field } from "@/shared/filters/clause";
import { sourceNames } from "@/shared/format/names";

/** What the list of accounts filters by. */
export const QUEUE_FIELDS: readonly Field[] = [
  { id: "market_value", label: "Market value", kind: "money" },
  { id: "cash", label: "Cash", kind: "money" },
  { id: "cash_weight", label: "Cash weight", kind: "percent" },
  { id: "cash_target", label: "Cash target", kind: "percent" },
  { id: "max_drift", label: "Max drift", kind: "percent" },
  { id: "drifted", label: "Drifted positions", kind: "count" },
  { id: "source", label: "Source", kind: "choice", choices: Object.entries(sourceNames) },
  { id: "custodian", label: "Custodian", kind: "text" },
  { id: "portfolio_id", label: "Target portfolio", kind: "text" },
  { id: "advisor_id", label: "Advisor", kind: "text" },
  { id: "enterprise_id", label: "Enterprise", kind: "text" },
];
