import { Link } from "@tanstack/react-router";

import type { QueueRow } from "@/shared/api/models";
import { count, day, MISSING, percent } from "@/shared/format/format";
import { sourceNames, tileNames } from "@/shared/format/names";
import type { Column } from "@/shared/grid/columns";
import { Amount } from "@/shared/ui/Amount";
import { BandBar } from "@/shared/ui/BandBar";
import { Tag } from "@/shared/ui/Tag";

export const QUEUE_COLUMNS: readonly Column<QueueRow>[] = [
  {
    id: "account_number",
    header: "Account #",
    fixed: true,
    width: 120,
    sort: "account_number",
    cell: (row) => (
      <Link to="/accounts/$accountId" params={{ accountId: row.account_id }} tabIndex={-1}>
        {row.account_number}
      </Link>
    ),
  },
  { id: "name", header: "Account name", fixed: true, width: 190, sort: "name", cell: (row) => <span title={row.name}>{row.name}</span> },
  { id: "why", header: "Why", width: 180, cell: (row) => <WhyTags row={row} /> },
  { id: "market_value", header: "Market value", isNumber: true, width: 120, sort: "market_value", cell: (row) => <Amount value={row.market_value} /> },
  {
    id: "cash_weight",
    header: "Cash / target",
    isNumber: true,
    width: 190,
    sort: "cash_weight",
    help: "Cash as a share of account value, its target, and the tolerance band around it",
    cell: (row) => (
      <span className="with-bar">
        {percent(row.cash_weight)} / {percent(row.cash_target)}
        <BandBar what="Cash" weight={row.cash_weight} target={row.cash_target} low={row.cash_low} high={row.cash_high} />
      </span>
    ),
  },
  { id: "cash", header: "Cash", isNumber: true, width: 110, sort: "cash", isExtra: true, cell: (row) => <Amount value={row.cash} /> },
  {
    id: "max_drift",
    header: "Max drift",
    isNumber: true,
    width: 100,
    sort: "max_drift",
    help: "The largest distance of a component from its target, in percentage points of account value",
    cell: (row) => percent(row.max_drift),
  },
  { id: "drifted", header: "Drifted", isNumber: true, width: 90, sort: "drifted", help: "Components outside their tolerance band", cell: (row) => count(row.drifted_components) },
  { id: "needed_since", header: "Needed since", width: 125, sort: "needed_since", cell: (row) => day(row.needed_since) },
  { id: "last_rebalanced", header: "Last rebalanced", width: 130, sort: "last_rebalanced", cell: (row) => (row.last_rebalanced ? day(row.last_rebalanced) : "Never") },
  { id: "source", header: "Source", width: 130, sort: "source", cell: (row) => (row.source ? sourceNames[row.source] : MISSING) },
  { id: "portfolio_id", header: "Portfolio", width: 140, sort: "portfolio_id", cell: (row) => row.portfolio_id ?? "None" },
  { id: "custodian", header: "Custodian", width: 110, sort: "custodian", cell: (row) => row.custodian },
  { id: "advisor_id", header: "Advisor", width: 110, sort: "advisor_id", cell: (row) => row.advisor_id },
  { id: "enterprise_id", header: "Enterprise", width: 110, sort: "enterprise_id", isExtra: true, cell: (row) => row.enterprise_id },
];

export const QUEUE_SORTS = QUEUE_COLUMNS.flatMap(({ sort }) => (sort ? [sort] : []));

export function WhyTags({ row }: { row: Pick<QueueRow, "tiles" | "state"> }) {
  return (
    <span className="tags">
      {row.state === "NO_TARGET" && <Tag tone="bad">No Target</Tag>}
      {row.tiles.map((tile) => (
        <Tag key={tile} tone={tile === "FIRST_REBALANCE" ? "info" : "warn"}>
          {tileNames[tile]}
        </Tag>
      ))}
    </span>
  );
}
