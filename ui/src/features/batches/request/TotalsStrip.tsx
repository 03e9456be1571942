import { DisallowedTotal } from "@/features/batches/request/Disallowed";
import type { Totals } from "@/shared/api/models";
import { count, plural, usd } from "@/shared/format/format";
import { Amount, Gain } from "@/shared/ui/Amount";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";

interface Line {
  name: string;
  totals: Totals;
}

/** A sum in dollars over the number of orders it is of. */
const traded = (orders: number, value: string) => (
  <>
    {usd(value)} <span className="note under">{count(orders)}</span>
  </>
);

/** Gains of taxable accounts, and beneath them those of the others: the rows add up to both. */
function Apart({ totals, gain }: { totals: Totals; gain: "short_term" | "long_term" | "estimated" }) {
  const isAll = gain === "estimated";
  return (
    <>
      {isAll ? <Gain value={totals.estimated} noBasis={totals.no_basis_proceeds} /> : <Amount value={totals[gain]} isGain />}
      {totals.non_taxable > 0 && (
        <span className="note under">
          {isAll ? <Gain value={totals.non_taxable_estimated} noBasis={totals.non_taxable_no_basis_proceeds} /> : <Amount value={totals[`non_taxable_${gain}`]} isGain />} non-taxable
        </span>
      )}
    </>
  );
}

const COLUMNS: readonly PlainColumn<Line>[] = [
  { header: "Totals", cell: ({ name }) => <strong>{name}</strong> },
  { header: "Accounts", isNumber: true, cell: ({ totals }) => count(totals.accounts) },
  { header: "Market value", isNumber: true, cell: ({ totals }) => usd(totals.market_value) },
  { header: "Buys", isNumber: true, help: "Market value, and number of orders", cell: ({ totals }) => traded(totals.buys, totals.buys_value) },
  { header: "Sells", isNumber: true, help: "Market value, and number of orders", cell: ({ totals }) => traded(totals.sells, totals.sells_value) },
  { header: "Flat trades", isNumber: true, cell: ({ totals }) => traded(totals.flats, totals.flats_value) },
  { header: "Short-term G&L", isNumber: true, cell: ({ totals }) => <Apart totals={totals} gain="short_term" /> },
  { header: "Long-term G&L", isNumber: true, cell: ({ totals }) => <Apart totals={totals} gain="long_term" /> },
  { header: "Estimated realized G&L", isNumber: true, cell: ({ totals }) => <Apart totals={totals} gain="estimated" /> },
  { header: "Wash sales", isNumber: true, help: "Losses disallowed by purchases of the tax household", cell: ({ totals }) => <DisallowedTotal totals={totals} /> },
  { header: "Over budget", isNumber: true, help: "Accounts whose proposal in force exceeds a gain budget", cell: ({ totals }) => <OverBudgetTotal totals={totals} /> },
  { header: "Failed", isNumber: true, cell: ({ totals }) => count(totals.failed) },
  { header: "Removed", isNumber: true, cell: ({ totals }) => count(totals.removed) },
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

/** Sums over all accounts of the request and, under a filter, over what it leaves; they stay in sight. From the server. */
export function TotalsStrip({ all, filtered, isFiltered }: { all: Totals; filtered: Totals; isFiltered: boolean }) {
  const lines = [{ name: "All accounts", totals: all }];
  if (isFiltered) lines.unshift({ name: "Filtered", totals: filtered });
  return (
    <section className="totals" aria-label="Sums">
      <p className="note">{whatCounts(all)}</p>
      <PlainTable label="Totals" columns={COLUMNS} rows={lines} rowKey={({ name }) => name} />
    </section>
  );
}

/** Which rows add up to the sums. */
function whatCounts({ failed, removed, non_taxable, accounts }: Totals): string {
  const out = failed + removed > 0 ? " Failed and removed accounts are not counted in them." : "";
  const apart =
    non_taxable === 0 ? " All of these accounts are taxable." : ` Gains of the ${plural(accounts - non_taxable, "taxable account")} and of the ${plural(non_taxable, "non-taxable one")} stand apart: the rows add up to both.`;
  return `Sums of ${plural(accounts, "account")}.${out}${apart}`;
}
