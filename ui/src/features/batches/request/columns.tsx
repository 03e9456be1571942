import { Link } from "@tanstack/react-router";

import { PutBack } from "@/features/batches/commands/PutBack";
import { ExecutionCell } from "@/features/batches/execution/ExecutionCell";
import type { Shelf } from "@/features/batches/status";
import { Disallowed, EarlierDisallowed } from "@/features/batches/request/Disallowed";
import type { BatchAccountRow } from "@/shared/api/models";
import { count } from "@/shared/format/format";
import { accountStates } from "@/shared/format/names";
import type { Column } from "@/shared/grid/columns";
import { Amount, Gain } from "@/shared/ui/Amount";
import { Tag, type Tone } from "@/shared/ui/Tag";

type Key = keyof BatchAccountRow & ("market_value" | "begin_cash" | "end_cash" | "buys_value" | "sells_value" | "flats_value");

const dollars = (id: Key, header: string, help?: string): Column<BatchAccountRow> => ({
  id,
  header,
  help,
  isNumber: true,
  width: 120,
  sort: id,
  cell: (row) => <Amount value={row[id]} missing="not proposed" />,
});

const number = (id: "buys" | "sells" | "flats", header: string, help: string): Column<BatchAccountRow> => ({
  id,
  header,
  help,
  isNumber: true,
  width: 70,
  sort: id,
  cell: (row) => count(row[id]),
});

const gain = (id: "short_term" | "long_term", header: string, help: string): Column<BatchAccountRow> => ({
  id,
  header,
  help,
  isNumber: true,
  width: 120,
  sort: id,
  cell: (row) => <Amount value={row[id]} isGain missing="not proposed" />,
});

const TONES: Readonly<Record<BatchAccountRow["state"], Tone>> = {
  WORKING: "info",
  PROPOSED: "plain",
  FAILED: "bad",
  REMOVED: "plain",
  APPROVED: "good",
  CANCELLED: "plain",
};

const FLAT_HELP = "Sleeve trades of one security that net to nothing inside the account; only the remainder goes to market";

const EXECUTION: Column<BatchAccountRow> = {
  id: "execution",
  header: "Execution",
  help: "What was reported of the account's orders since the approval",
  width: 150,
  cell: (row) => <ExecutionCell execution={row.execution} />,
};

/** Columns of the accounts of a request, open or decided. */
export function requestColumns(shelf: Shelf): readonly Column<BatchAccountRow>[] {
  return [
    { id: "account_number", header: "Account #", fixed: true, width: 120, sort: "account_number", cell: (row) => <AccountLink row={row} shelf={shelf} /> },
    { id: "name", header: "Account name", fixed: true, width: 190, sort: "name", cell: (row) => <span title={row.name}>{row.name}</span> },
    { id: "result", header: "Result", width: 170, sort: "result", cell: (row) => <ResultCell row={row} /> },
    dollars("market_value", "Market value", "Account value before the trades"),
    dollars("begin_cash", "Beginning cash", "Available cash before the trades"),
    dollars("end_cash", "Ending cash", "Available cash after the trades"),
    number("buys", "Buys", "Number of market buys"),
    dollars("buys_value", "Buys $"),
    number("sells", "Sells", "Number of market sells"),
    dollars("sells_value", "Sells $"),
    number("flats", "Flat", FLAT_HELP),
    dollars("flats_value", "Flat $", FLAT_HELP),
    gain("short_term", "Short-term G&L", "Estimated realized short-term gain or loss"),
    gain("long_term", "Long-term G&L", "Estimated realized long-term gain or loss"),
    {
      id: "estimated",
      header: "Estimated G&L",
      help: "Short-term, long-term and what has no known term; proceeds without cost basis stand beside it",
      isNumber: true,
      width: 150,
      sort: "estimated",
      cell: (row) => <Gain value={row.estimated} noBasis={row.no_basis_proceeds} missing="not proposed" />,
    },
    {
      id: "wash_disallowed",
      header: "Wash sale",
      help: "Loss that is disallowed because the tax household buys the same security within 30 days; the account's page says what was checked",
      isNumber: true,
      width: 150,
      sort: "wash_disallowed",
      cell: (row) => <Disallowed row={row} />,
    },
    {
      id: "wash_earlier",
      header: "Earlier losses",
      help: "Losses of the tax household approved in the 30 days before that the account's buys disallow; its page names them",
      isNumber: true,
      width: 150,
      sort: "wash_earlier",
      cell: (row) => <EarlierDisallowed row={row} />,
    },
    ...(shelf === "history" ? [EXECUTION] : []),
    { id: "taxable", header: "Taxable", width: 80, cell: (row) => (row.taxable ? "Yes" : "No") },
    { id: "advisor_id", header: "Advisor", width: 110, isExtra: true, cell: (row) => row.advisor_id },
  ];
}

function AccountLink({ row, shelf }: { row: BatchAccountRow; shelf: Shelf }) {
  const to = shelf === "open" ? "/pending/$batchId/accounts/$accountId" : "/history/$batchId/accounts/$accountId";
  return (
    <Link to={to} from={shelf === "open" ? "/pending/$batchId" : "/history/$batchId"} params={(now) => ({ ...now, accountId: row.account_id })} tabIndex={-1}>
      {row.account_number}
    </Link>
  );
}

export function ResultCell({ row }: { row: BatchAccountRow }) {
  return (
    <span className="tags" title={row.result || undefined}>
      <Tag tone={TONES[row.state]}>{accountStates[row.state]}</Tag>
      {row.stale && <Tag tone="warn">Stale</Tag>}
      {row.result && <span className="note result-text">{row.result}</span>}
      <PutBack row={row} />
    </span>
  );
}
