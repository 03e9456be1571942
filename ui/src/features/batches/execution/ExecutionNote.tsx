import { Text } from "@mantine/core";

import type { ExecutionCounts } from "@/shared/api/models";
import { count, plural } from "@/shared/format/format";

/** What became of the orders of an approval. It stands apart from what was approved: it goes on changing. */
export function ExecutionNote({ execution }: { execution: ExecutionCounts | null }) {
  if (execution === null) return null;
  return (
    <section aria-label="Execution">
      <Text mb="md" size="sm">
        <strong>Execution.</strong> {summary(execution)} Reported since the approval, and no part of it.
      </Text>
    </section>
  );
}

function summary({ orders, outstanding, accepted, partially_filled, filled, rejected }: ExecutionCounts): string {
  if (orders === 0) return "No order was sent.";
  const waiting = outstanding > 0 ? `, ${count(outstanding)} outstanding (${count(accepted)} accepted, ${count(partially_filled)} partially filled)` : "";
  return `${plural(orders, "order")} sent: ${count(filled)} filled, ${count(rejected)} rejected${waiting}.`;
}
