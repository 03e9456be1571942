import { Text, Title } from "@mantine/core";

import type { OrderView, Proposal } from "@/shared/api/models";
import { price, quantity, usd } from "@/shared/format/format";
import { reasonNames, sideNames } from "@/shared/format/names";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";

const ORDERS: readonly PlainColumn<OrderView>[] = [
  { header: "Security", cell: (order) => order.security_id },
  { header: "Side", cell: (order) => sideNames[order.side] },
  { header: "Quantity", isNumber: true, cell: (order) => quantity(order.quantity) },
  { header: "Price", isNumber: true, cell: (order) => price(order.price) },
  { header: "Value", isNumber: true, cell: (order) => usd(order.value, true) },
  { header: "Reason", cell: (order) => reasonNames[order.reason] },
];

/** Why nothing is traded, or what the account's gain limits kept from being traded; and how much cash is in sweep funds. */
export function TradeNotes({ proposal }: { proposal: Proposal }) {
  const { trades, no_trade_reason, limit_reason, cash_equivalents, row } = proposal;
  const note = trades.length === 0 ? (no_trade_reason ?? (row.result || "No trade is proposed.")) : limit_reason;
  return (
    <>
      {note && <Text mb="xs">{note}</Text>}
      {cash_equivalents !== "0.00" && <p className="note">Of its cash {usd(cash_equivalents, true)} is in cash equivalents.</p>}
    </>
  );
}

/** The market orders that the sleeve trades come to. */
export function Orders({ proposal }: { proposal: Proposal }) {
  if (proposal.trades.length === 0) return null;
  return (
    <>
      <Title order={2}>Market orders</Title>
      <PlainTable label="Market orders" columns={ORDERS} rows={proposal.orders} rowKey={(order) => `${order.side} ${order.security_id}`} empty="All of it nets inside the account: nothing goes to market." />
    </>
  );
}
