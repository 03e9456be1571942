import type { ReactNode } from "react";

import { DisallowedTotal } from "@/features/batches/request/Disallowed";
import type { Totals } from "@/shared/api/models";
import { count, plural, usd } from "@/shared/format/format";
import { Amount, Gain } from "@/shared/ui/Amount";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";

interface Line {
  name: string;
  totals: Totals;
  /** The gains of accounts that are not taxable, which stand apart in a line of their own. */
  isApart?: boolean;
}

/** A line whose sums have not come yet. */
type Waiting = Omit<Line, "totals"> & { totals: null };

/** A column of one line only: the other counts these accounts already. */
const once = (header: string, cell: (totals: Totals) => ReactNode, help?: string): PlainColumn<Line> => ({
  header,
  help,
  isNumber: true,
  cell: ({ totals, isApart }) => !isApart && cell(totals),
});

/** A sum in dollars over the number of orders it is of. */
const traded = (orders: number, value: string) => (
  <>
    {usd(value)} <span className="note under">{count(orders)}</span>
  </>
);

const COLUMNS: readonly PlainColumn<Line>[] = [
  {
    header: "Totals",
    cell: ({ name, totals, isApart }) => (
      <>
        <strong>{name}</strong>
        {!isApart && totals.non_taxable > 0 && <span className="note under">gains: taxable</span>}
      </>
    ),
  },
  { header: "Accounts", isNumber: true, cell: ({ totals, isApart }) => count(isApart ? totals.non_taxable : totals.accounts) },
  once("Market value", ({ market_value }) => usd(market_value)),
  once("Buys", ({ buys, buys_value }) => traded(buys, buys_value), "Market value, and number of orders"),
  once("Sells", ({ sells, sells_value }) => traded(sells, sells_value), "Market value, and number of orders"),
  once("Flat trades", ({ flats, flats_value }) => traded(flats, flats_value)),
  { header: "Short-term G&L", isNumber: true, cell: ({ totals, isApart }) => <Amount value={isApart ? totals.non_taxable_short_term : totals.short_term} isGain /> },
  { header: "Long-term G&L", isNumber: true, cell: ({ totals, isApart }) => <Amount value={isApart ? totals.non_taxable_long_term : totals.long_term} isGain /> },
  {
    header: "Estimated realized G&L",
    isNumber: true,
    cell: ({ totals, isApart }) =>
      isApart ? <Gain value={totals.non_taxable_estimated} noBasis={totals.non_taxable_no_basis_proceeds} /> : <Gain value={totals.estimated} noBasis={totals.no_basis_proceeds} />,
  },
  once("Wash sales", (totals) => <DisallowedTotal totals={totals} />, "Losses disallowed by purchases of the tax household"),
  once("Over budget", (totals) => <OverBudgetTotal totals={totals} />, "Accounts whose proposal in force exceeds a gain budget"),
  once("Failed", ({ failed }) => count(failed)),
  once("Removed", ({ removed }) => count(removed)),
];

/** How many accounts exceed a gain budget, and how many were not compared with theirs. */
export function OverBudgetTotal({ totals }: { totals: Totals }) {
  return (
    <>
      {totals.over_budget > 0 ? <strong className="conflict">{count(totals.over_budget)}</strong> : "0"}
      {totals.budget_unchecked > 0 && <span className="note under">{count(totals.budget_unchecked)} not checked</span>}
    </>
  );
}

/** Sums over all accounts of the request and, under a filter, over what it leaves; they stay in sight. From the server. filtered: null while it adds them up. */
export function TotalsStrip({ all, filtered, isFiltered }: { all: Totals; filtered: Totals | null; isFiltered: boolean }) {
  const lines: (Line | Waiting)[] = [...(isFiltered ? (filtered ? linesOf("Filtered", filtered) : [{ name: "Filtered", totals: null }]) : []), ...linesOf("All accounts", all)];
  return (
    <section className="totals" aria-label="Sums">
      <p className="note">{whatCounts(all)}</p>
      <PlainTable label="Totals" columns={COLUMNS.map(orWaiting)} rows={lines} rowKey={({ name, totals }) => `${name} ${totals === all ? "all" : "filtered"}`} />
    </section>
  );
}

/** A line of sums, and one with the gains of its accounts that are not taxable. */
function linesOf(name: string, totals: Totals): Line[] {
  return totals.non_taxable === 0 ? [{ name, totals }] : [{ name, totals }, { name: "Non-taxable", totals, isApart: true }];
}

/** Which rows add up to the sums. */
function whatCounts({ failed, removed, non_taxable, accounts }: Totals): string {
  const out = failed + removed > 0 ? " Failed and removed accounts are not counted in them." : "";
  const apart =
    non_taxable === 0 ? " All of these accounts are taxable." : ` Gains of the ${plural(accounts - non_taxable, "taxable account")} and of the ${plural(non_taxable, "non-taxable one")} stand apart: the rows add up to both together.`;
  return `Sums of ${plural(accounts, "account")}.${out}${apart}`;
}

function orWaiting(column: PlainColumn<Line>, index: number): PlainColumn<Line | Waiting> {
  return { ...column, cell: (line) => (line.totals ? column.cell(line) : index === 0 ? <strong>{line.name}</strong> : "…") };
}
