import { DisallowedTotal } from "@/features/batches/request/Disallowed";
import type { Totals } from "@/shared/api/models";
import { count, sign, usd } from "@/shared/format/format";
import { Amount, Gain } from "@/shared/ui/Amount";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";

interface Line {
  name: string;
  totals: Totals;
}

/** A line whose sums have not come yet. */
type Waiting = Omit<Line, "totals"> & { totals: null };

const COLUMNS: readonly PlainColumn<Line>[] = [
  { header: "Totals", cell: ({ name }) => <strong>{name}</strong> },
  { header: "Accounts", isNumber: true, cell: ({ totals }) => count(totals.accounts) },
  { header: "Market value", isNumber: true, cell: ({ totals }) => usd(totals.market_value) },
  { header: "Buys", isNumber: true, cell: ({ totals }) => `${count(totals.buys)} · ${usd(totals.buys_value)}` },
  { header: "Sells", isNumber: true, cell: ({ totals }) => `${count(totals.sells)} · ${usd(totals.sells_value)}` },
  { header: "Flat trades", isNumber: true, cell: ({ totals }) => `${count(totals.flats)} · ${usd(totals.flats_value)}` },
  { header: "Short-term G&L", isNumber: true, cell: ({ totals }) => <Amount value={totals.short_term} isGain /> },
  { header: "Long-term G&L", isNumber: true, cell: ({ totals }) => <Amount value={totals.long_term} isGain /> },
  { header: "Estimated realized G&L", isNumber: true, cell: ({ totals }) => <Gain value={totals.estimated} noBasis={totals.no_basis_proceeds} /> },
  { header: "Non-taxable G&L", isNumber: true, help: "Estimated gain of the accounts that pay no tax on it; not part of the others", cell: ({ totals }) => <Amount value={totals.non_taxable_estimated} isGain /> },
  { header: "Wash sales", isNumber: true, help: "Losses disallowed by purchases of the tax household", cell: ({ totals }) => <DisallowedTotal totals={totals} /> },
  { header: "Failed", isNumber: true, cell: ({ totals }) => count(totals.failed) },
  { header: "Removed", isNumber: true, cell: ({ totals }) => count(totals.removed) },
];

/** Sums over all accounts of the request and, under a filter, over what it leaves. They come from the server. filtered: null while it adds them up. */
export function TotalsStrip({ all, filtered, isFiltered }: { all: Totals; filtered: Totals | null; isFiltered: boolean }) {
  const lines: (Line | Waiting)[] = [{ name: "All accounts", totals: all }];
  if (isFiltered) lines.unshift({ name: "Filtered", totals: filtered });
  const hasNonTaxable = [all, filtered].some((totals) => sign(totals?.non_taxable_estimated) !== 0);
  const columns = COLUMNS.filter(({ header }) => hasNonTaxable || header !== "Non-taxable G&L").map(orWaiting);
  return <PlainTable label="Totals" columns={columns} rows={lines} rowKey={({ name }) => name} />;
}

function orWaiting(column: PlainColumn<Line>, index: number): PlainColumn<Line | Waiting> {
  return { ...column, cell: (line) => (line.totals ? column.cell(line) : index === 0 ? <strong>{line.name}</strong> : "…") };
}
