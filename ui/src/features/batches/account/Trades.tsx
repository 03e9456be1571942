import { Text } from "@mantine/core";

import type { OrderView, Proposal, TradeView } from "@/shared/api/models";
import { price, quantity, usd } from "@/shared/format/format";
import { reasonNames, sideNames } from "@/shared/format/names";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";

const TRADES: readonly PlainColumn<TradeView>[] = [
  { header: "Sleeve", cell: (trade) => trade.sleeve_id },
  { header: "Security", cell: (trade) => trade.security_id },
  { header: "Side", cell: (trade) => sideNames[trade.side] },
  { header: "Quantity", isNumber: true, cell: (trade) => quantity(trade.quantity) },
  { header: "Crossed", isNumber: true, help: "Moved between sleeves of this account, without an order", cell: (trade) => quantity(trade.crossed) },
  { header: "To market", isNumber: true, cell: (trade) => quantity(trade.market) },
  { header: "Value", isNumber: true, cell: (trade) => usd(trade.value, true) },
  {
    header: "Why",
    cell: (trade) => (
      <span className="sentence">
        <strong>{reasonNames[trade.reason]}.</strong> {trade.sentence}
      </span>
    ),
  },
];

const ORDERS: readonly PlainColumn<OrderView>[] = [
  { header: "Security", cell: (order) => order.security_id },
  { header: "Side", cell: (order) => sideNames[order.side] },
  { header: "Quantity", isNumber: true, cell: (order) => quantity(order.quantity) },
  { header: "Price", isNumber: true, cell: (order) => price(order.price) },
  { header: "Value", isNumber: true, cell: (order) => usd(order.value, true) },
  { header: "Reason", cell: (order) => reasonNames[order.reason] },
];

/** Sleeve trades with their reasons, and the market orders they come to. */
export function Trades({ proposal }: { proposal: Proposal }) {
  if (proposal.trades.length === 0) return <Text mb="md">{proposal.no_trade_reason ?? (proposal.row.result || "No trade is proposed.")}</Text>;
  return (
    <>
      {proposal.limit_reason && <Text mb="md">{proposal.limit_reason}</Text>}
      <PlainTable label="Sleeve trades" columns={TRADES} rows={proposal.trades} rowKey={(trade) => `${trade.sleeve_id} ${trade.security_id}`} />
      <PlainTable label="Market orders" columns={ORDERS} rows={proposal.orders} rowKey={(order) => `${order.side} ${order.security_id}`} empty="All of it nets inside the account: nothing goes to market." />
    </>
  );
}
