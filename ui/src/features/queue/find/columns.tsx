import { Link } from "@tanstack/react-router";

import { whereabouts } from "@/features/queue/find/whereabouts";
import type { FoundAccount } from "@/shared/api/models";
import { day } from "@/shared/format/format";
import type { Column } from "@/shared/grid/columns";
import { Amount } from "@/shared/ui/Amount";
import { Tag, type Tone } from "@/shared/ui/Tag";

export const FOUND_COLUMNS: readonly Column<FoundAccount>[] = [
  {
    id: "account_number",
    header: "Account #",
    fixed: true,
    width: 120,
    cell: (row) => (
      <Link to="/accounts/$accountId" params={{ accountId: row.account_id }} tabIndex={-1}>
        {row.account_number}
      </Link>
    ),
  },
  { id: "name", header: "Account name", fixed: true, width: 220, cell: (row) => <span title={row.name}>{row.name}</span> },
  { id: "where", header: "Where it is", width: 190, cell: (row) => <Tag tone={tone(row)}>{whereabouts(row)}</Tag> },
  { id: "hold_text", header: "Why it is held", width: 260, cell: (row) => <span title={row.hold_text ?? undefined}>{row.hold_text ?? ""}</span> },
  { id: "market_value", header: "Market value", isNumber: true, width: 120, cell: (row) => <Amount value={row.market_value} /> },
  { id: "last_rebalanced", header: "Last rebalanced", width: 130, cell: (row) => (row.last_rebalanced ? day(row.last_rebalanced) : "Never") },
  { id: "portfolio_id", header: "Portfolio", width: 140, cell: (row) => row.portfolio_id ?? "None" },
  { id: "custodian", header: "Custodian", width: 110, cell: (row) => row.custodian },
  { id: "advisor_id", header: "Advisor", width: 110, cell: (row) => row.advisor_id },
  { id: "enterprise_id", header: "Enterprise", width: 110, cell: (row) => row.enterprise_id },
];

function tone(row: FoundAccount): Tone {
  if (row.open_batch !== null || row.state === "SETTLING") return "info";
  if (row.state === "HELD" || row.state === "NO_TARGET") return "bad";
  return row.state === "FLAGGED" ? "warn" : "plain";
}
