import { Text } from "@mantine/core";
import { useState } from "react";

import { useTrades } from "@/features/batches/api/listTrades";
import type { Shelf } from "@/features/batches/status";
import { SecurityRows } from "@/features/batches/trades/SecurityRows";
import type { BatchSummary, TradedValue } from "@/shared/api/models";
import { plural, usd } from "@/shared/format/format";
import { logicNames } from "@/shared/format/names";
import type { Filter } from "@/shared/selection/selection";
import type { ListSearch } from "@/shared/state/search";
import { Failure, Waiting } from "@/shared/ui/Notes";

interface Props {
  batch: BatchSummary;
  shelf: Shelf;
  filter: Filter;
  search: ListSearch;
}

/** What a request trades by security, the largest value first; a security opens to the accounts that trade it. */
export function TradesPanel({ batch, shelf, filter, search }: Props) {
  const trades = useTrades(batch, filter);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  if (trades.isPending) return <Waiting what="the trades" />;
  if (!trades.data) return <Failure error={trades.error} onRetry={() => void trades.refetch()} />;
  const { rows, filtered, all, logic } = trades.data;
  const isFiltered = filter.f.length > 0 || filter.q !== "";
  const toggle = (id: string) => setOpen((now) => (now.has(id) ? new Set([...now].filter((other) => other !== id)) : new Set([...now, id])));
  return (
    <div aria-busy={trades.isPlaceholderData}>
      {trades.error && <Failure error={trades.error} onRetry={() => void trades.refetch()} />}
      <Text size="sm" mb="xs">
        Market orders under {logicNames[logic]}, at the prices of the proposal. Units that cross inside an account never go to market and are not counted.
      </Text>
      {rows.length === 0 ? (
        <p className="note">{isFiltered && all.orders > 0 ? "No account of these filters trades anything." : "No account of this request trades anything."}</p>
      ) : (
        // A region that scrolls must be reachable by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <div className="plain-scroller" tabIndex={0} role="region" aria-label="Trades by security">
          <table className="plain trades-table" aria-label="Trades by security">
            <thead>
              <tr>
                <th scope="col">Security</th>
                <th scope="col" data-number="true">Buys</th>
                <th scope="col" data-number="true">Sells</th>
                <th scope="col" data-number="true" title="Bought less sold">Net</th>
                <th scope="col" data-number="true">Accounts</th>
                <th scope="col" data-number="true" title="Bought and sold together">Value</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <SecurityRows key={row.security_id} row={row} {...{ batch, shelf, filter, search, isFiltered }} isOpen={open.has(row.security_id)} onToggle={() => toggle(row.security_id)} />
              ))}
            </tbody>
            <tfoot>
              {isFiltered && <Sums name="Filtered" sums={filtered} />}
              <Sums name="All accounts" sums={all} />
            </tfoot>
          </table>
        </div>
      )}
    </div>
  );
}

function Sums({ name, sums }: { name: string; sums: TradedValue }) {
  return (
    <tr>
      <th scope="row">
        {name} <span className="note under">{plural(sums.securities, "security", "securities")}</span>
      </th>
      <td data-number="true">{usd(sums.buys_value)}</td>
      <td data-number="true">{usd(sums.sells_value)}</td>
      <td data-number="true">{usd(sums.net_value)}</td>
      <td data-number="true">
        {plural(sums.orders, "order")}
      </td>
      <td data-number="true">{usd(sums.value)}</td>
    </tr>
  );
}
