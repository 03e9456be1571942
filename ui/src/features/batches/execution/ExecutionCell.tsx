import type { ExecutionCounts } from "@/shared/api/models";
import { count, MISSING } from "@/shared/format/format";
import { Tag } from "@/shared/ui/Tag";

/** The orders of one account: how many are filled, and what is not as it should be. */
export function ExecutionCell({ execution }: { execution: ExecutionCounts | null }) {
  if (execution === null || execution.orders === 0) return <span title="No order was sent">{MISSING}</span>;
  const { orders, filled, rejected, outstanding } = execution;
  return (
    <span className="tags" title={`${filled} of ${orders} orders filled, ${rejected} rejected, ${outstanding} outstanding`}>
      {rejected > 0 && <Tag tone="bad">{count(rejected)} rejected</Tag>}
      {filled === orders ? <Tag tone="good">Filled</Tag> : <span>{`${count(filled)} of ${count(orders)} filled`}</span>}
    </span>
  );
}
