import { useId } from "react";

import type { Shelf } from "@/features/batches/status";
import { SecurityAccounts } from "@/features/batches/trades/SecurityAccounts";
import type { BatchSummary, SecurityTrades } from "@/shared/api/models";
import { count, quantity, usd } from "@/shared/format/format";
import type { Filter } from "@/shared/selection/selection";
import type { ListSearch } from "@/shared/state/search";

interface Props {
  row: SecurityTrades;
  batch: BatchSummary;
  shelf: Shelf;
  filter: Filter;
  search: ListSearch;
  isFiltered: boolean;
  isOpen: boolean;
  onToggle: () => void;
}

/** A security with what the filtered accounts trade of it, and of how much in all; opens to those accounts. */
export function SecurityRows({ row, batch, shelf, filter, search, isFiltered, isOpen, onToggle }: Props) {
  const details = useId();
  const { security_id, filtered, all } = row;
  const isPart = isFiltered && filtered.accounts !== all.accounts;
  return (
    <>
      <tr>
        <th scope="row">
          <button type="button" className="disclosure" aria-expanded={isOpen} aria-controls={details} aria-label={`${security_id}: accounts that trade it`} onClick={onToggle}>
            <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {security_id}
          </button>
        </th>
        <Units units={filtered.buys} value={filtered.buys_value} accounts={filtered.buy_accounts} />
        <Units units={filtered.sells} value={filtered.sells_value} accounts={filtered.sell_accounts} />
        <td data-number="true">
          {quantity(filtered.net)} <span className="note under">{usd(filtered.net_value)}</span>
        </td>
        <td data-number="true">
          {count(filtered.accounts)} {isPart && <span className="note under">of {count(all.accounts)} in all</span>}
        </td>
        <td data-number="true">
          {usd(filtered.value)} {isPart && <span className="note under">of {usd(all.value)} in all</span>}
        </td>
      </tr>
      <tr id={details} hidden={!isOpen}>
        {isOpen && (
          <td colSpan={6}>
            <SecurityAccounts batchId={batch.batch_id} securityId={security_id} {...{ shelf, filter, search }} />
          </td>
        )}
      </tr>
    </>
  );
}

/** Units of one side over their value and accounts; nothing where no account is on it. */
function Units({ units, value, accounts }: { units: string; value: string; accounts: number }) {
  if (accounts === 0) return <td data-number="true">0</td>;
  return (
    <td data-number="true">
      {quantity(units)} <span className="note under">{`${usd(value)} in ${count(accounts)}`}</span>
    </td>
  );
}
