import type { ExecutionView } from "@/shared/api/models";
import { instant, price, quantity } from "@/shared/format/format";
import { executionNames, sideNames } from "@/shared/format/names";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";
import { Tag, type Tone } from "@/shared/ui/Tag";

const TONES: Readonly<Record<NonNullable<ExecutionView["status"]>, Tone>> = {
  ACCEPTED: "info",
  PARTIALLY_FILLED: "info",
  FILLED: "good",
  REJECTED: "bad",
};

const COLUMNS: readonly PlainColumn<ExecutionView>[] = [
  { header: "Security", cell: (order) => order.security_id },
  { header: "Side", cell: (order) => sideNames[order.side] },
  { header: "Ordered", isNumber: true, cell: (order) => quantity(order.quantity) },
  { header: "Status", cell: ({ status }) => (status === null ? "Sent, nothing reported" : <Tag tone={TONES[status]}>{executionNames[status]}</Tag>) },
  { header: "Filled", isNumber: true, cell: (order) => quantity(order.filled) },
  { header: "Average price", isNumber: true, help: "Of the units that are filled", cell: (order) => price(order.price) },
  { header: "Reported", cell: (order) => instant(order.reported_at) },
  { header: "Reason", cell: (order) => order.reason ?? "" },
];

/** The orders that an approval sent for one account, by the newest report of each. */
export function Executions({ orders }: { orders: readonly ExecutionView[] }) {
  return <PlainTable label="Execution" columns={COLUMNS} rows={orders} rowKey={(order) => order.order_id} empty="No order was sent: nothing of it went to market." />;
}
