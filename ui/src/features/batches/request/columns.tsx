import { VisuallyHidden } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import { ExecutionCell } from "@/features/batches/execution/ExecutionCell";
import type { Shelf } from "@/features/batches/status";
import { Disallowed, EarlierDisallowed } from "@/features/batches/request/Disallowed";
import { ResultCell } from "@/features/batches/request/ResultCell";
import type { BatchAccountRow } from "@/shared/api/models";
import { count, sign, usd } from "@/shared/format/format";
import type { Column } from "@/shared/grid/columns";
import { Amount, Gain } from "@/shared/ui/Amount";

type Key = keyof BatchAccountRow & ("market_value" | "begin_cash" | "end_cash" | "buys_value" | "sells_value" | "flats_value");

const dollars = (id: Key, header: string, help?: string): Column<BatchAccountRow> => ({
  id,
  header,
  help,
  isNumber: true,
  width: 105,
  sort: id,
  cell: (row) => <Amount value={row[id]} missing="not proposed" />,
});

const number = (id: "buys" | "sells" | "flats", header: string, help: string): Column<BatchAccountRow> => ({
  id,
  header,
  help,
  isNumber: true,
  width: 60,
  sort: id,
  cell: (row) => count(row[id]),
});

const gain = (id: "short_term" | "long_term", header: string, help: string): Column<BatchAccountRow> => ({
  id,
  header,
  help,
  isNumber: true,
  width: 100,
  sort: id,
  cell: (row) => <Taxed row={row} value={row[id]} />,
});

const FLAT_HELP = "Sleeve trades of one security that net to nothing inside the account; only the remainder goes to market";

const EXECUTION: Column<BatchAccountRow> = {
  id: "execution",
  header: "Execution",
  help: "What was reported of the account's orders since the approval",
  width: 120,
  cell: (row) => <ExecutionCell execution={row.execution} />,
};

/**
 * Columns of the accounts of a request, open or decided. What decides comes first: exceptions, gains, wash sales, value,
 * number of orders; with these widths it is all in sight in a window of 1280 pixels.
 */
export function requestColumns(shelf: Shelf): readonly Column<BatchAccountRow>[] {
  return [
    { id: "account_number", header: "Account #", fixed: true, width: 105, sort: "account_number", cell: (row) => <AccountLink row={row} shelf={shelf} /> },
    { id: "name", header: "Account name", fixed: true, width: 150, sort: "name", cell: (row) => <span title={row.name}>{row.name}</span> },
    { id: "result", header: "Result", help: "Only what is not as usual; the others are simply proposed", width: 180, sort: "result", cell: (row) => <ResultCell row={row} /> },
    gain("short_term", "Short-term G&L", "Estimated realized short-term gain or loss; in italics where the account is not taxable, which the totals keep apart"),
    gain("long_term", "Long-term G&L", "Estimated realized long-term gain or loss; in italics where the account is not taxable, which the totals keep apart"),
    {
      id: "estimated",
      header: "Estimated G&L",
      help: "Short-term, long-term and what has no known term; proceeds without cost basis are no part of it",
      isNumber: true,
      width: 100,
      sort: "estimated",
      cell: (row) => <Estimated row={row} />,
    },
    {
      id: "wash_disallowed",
      header: "Wash sale",
      help: "Loss that is disallowed because the tax household buys the same security within 30 days; the account's page says what was checked",
      isNumber: true,
      width: 95,
      sort: "wash_disallowed",
      cell: (row) => <Disallowed row={row} />,
    },
    ...(shelf === "history" ? [EXECUTION] : []),
    dollars("market_value", "Market value", "Account value before the trades"),
    number("buys", "Buys", "Number of market buys"),
    number("sells", "Sells", "Number of market sells"),
    dollars("end_cash", "Ending cash", "Available cash after the trades"),
    { id: "taxable", header: "Taxable", width: 80, cell: (row) => (row.taxable ? "Yes" : "No") },
    {
      id: "wash_earlier",
      header: "Earlier losses",
      help: "Losses of the tax household approved in the 30 days before that the account's buys disallow; its page names them",
      isNumber: true,
      width: 110,
      sort: "wash_earlier",
      cell: (row) => <EarlierDisallowed row={row} />,
    },
    {
      id: "over_budget",
      header: "Over budget",
      help: "The gains that count against the account's gain budget, above it",
      isNumber: true,
      width: 100,
      sort: "over_budget",
      cell: (row) => <Amount value={row.over_budget} missing="not checked" />,
    },
    dollars("begin_cash", "Beginning cash", "Available cash before the trades"),
    dollars("buys_value", "Buys $"),
    dollars("sells_value", "Sells $"),
    number("flats", "Flat", FLAT_HELP),
    dollars("flats_value", "Flat $", FLAT_HELP),
    { id: "advisor_id", header: "Advisor", width: 110, isExtra: true, cell: (row) => row.advisor_id },
  ];
}

/** What is known of the gain; a plus says that there are proceeds without cost basis beside it, never as $0. */
function Estimated({ row }: { row: BatchAccountRow }) {
  const hasNoBasis = sign(row.no_basis_proceeds) !== 0;
  if (hasNoBasis && sign(row.estimated) === 0) return <Gain value={row.estimated} noBasis={row.no_basis_proceeds} />;
  const why = hasNoBasis ? `and ${usd(row.no_basis_proceeds, true)} of proceeds without cost basis` : undefined;
  return (
    <span title={why}>
      <Taxed row={row} value={row.estimated} />
      {why && (
        <>
          <span aria-hidden="true"> + ?</span>
          <VisuallyHidden> {why}</VisuallyHidden>
        </>
      )}
    </span>
  );
}

/** A gain; that of an account that is not taxable looks apart, as it stands apart in the totals. */
function Taxed({ row, value }: { row: BatchAccountRow; value: string | null }) {
  const amount = <Amount value={value} isGain missing="not proposed" />;
  return row.taxable || value === null ? (
    amount
  ) : (
    <em title="Not taxable: stands apart in the totals">
      {amount}
      <VisuallyHidden> not taxable</VisuallyHidden>
    </em>
  );
}

function AccountLink({ row, shelf }: { row: BatchAccountRow; shelf: Shelf }) {
  const to = shelf === "open" ? "/pending/$batchId/accounts/$accountId" : "/history/$batchId/accounts/$accountId";
  return (
    <Link to={to} from={shelf === "open" ? "/pending/$batchId" : "/history/$batchId"} params={(now) => ({ ...now, accountId: row.account_id })} search tabIndex={-1}>
      {row.account_number}
    </Link>
  );
}
