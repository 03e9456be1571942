import { Group, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

import { isSame, linesOf, type OrderLine } from "@/features/batches/account/edited";
import type { EditView, Proposal } from "@/shared/api/models";
import { price, quantity, usd } from "@/shared/format/format";
import { reasonNames, sideNames } from "@/shared/format/names";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";
import { Tag } from "@/shared/ui/Tag";

const ORDERS: readonly PlainColumn<OrderLine>[] = [
  { header: "Security", cell: ({ security_id }) => security_id },
  { header: "Side", cell: ({ side }) => sideNames[side] },
  { header: "Quantity", isNumber: true, cell: (line) => (isSame(line.proposed, line.quantity) ? quantity(line.quantity) : <EditedQuantity line={line} />) },
  { header: "Price", isNumber: true, cell: ({ order }) => price(order?.price) },
  { header: "Value", isNumber: true, cell: ({ order }) => (order ? usd(order.value, true) : usd("0.00", true)) },
  { header: "Reason", cell: ({ order }) => (order ? reasonNames[order.reason] : "Edited to no trade") },
];

function EditedQuantity({ line }: { line: OrderLine }) {
  return (
    <span title="Proposed, and as edited">
      {quantity(line.proposed)} → {quantity(line.quantity)} <Tag tone="info">Edited</Tag>
    </span>
  );
}

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

interface OrdersProps {
  proposal: Proposal;
  /** What a person made of the orders of this logic; null where they are as proposed. */
  edit: EditView | null;
  /** The button that opens the form, or the form in the table's place. */
  editing?: { button: ReactNode; form: ((lines: readonly OrderLine[]) => ReactNode) | null };
}

/** The market orders that the sleeve trades come to, with what was proposed where a person edited them. */
export function Orders({ proposal, edit, editing }: OrdersProps) {
  const lines = linesOf(proposal.orders, edit);
  if (proposal.trades.length === 0 && lines.length === 0) return null;
  return (
    <>
      <Group justify="space-between">
        <Title order={2}>Market orders</Title>
        {lines.length > 0 && editing?.button}
      </Group>
      {editing?.form?.(lines) ?? (
        <PlainTable label="Market orders" columns={ORDERS} rows={lines} rowKey={(line) => `${line.side} ${line.security_id}`} empty="All of it nets inside the account: nothing goes to market." />
      )}
    </>
  );
}
