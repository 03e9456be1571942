import { Anchor, Group, Text } from "@mantine/core";

import { address } from "@/shared/api/client";
import type { BatchSummary } from "@/shared/api/models";

/** The orders that an approval sent, as files for whoever brings them to market; nothing where none were sent, or not all of them are in sight. */
export function OrderFiles({ batch }: { batch: BatchSummary }) {
  if (batch.status !== "APPROVED" || batch.part !== null || batch.execution?.orders === 0) return null;
  return (
    <Group gap="md" mb="sm" role="group" aria-label="Order files">
      <Text size="sm">Order files (CSV):</Text>
      <Anchor size="sm" href={address(`/batches/${batch.batch_id}/orders`)} download>
        Orders by account
      </Anchor>
      <Anchor size="sm" href={address(`/batches/${batch.batch_id}/block-orders`)} download>
        Block orders with allocations
      </Anchor>
    </Group>
  );
}
