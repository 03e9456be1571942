import type { BatchSummary } from "@/shared/api/models";
import { useServerNow } from "@/shared/api/serverTime";
import { timeLeft, until } from "@/shared/format/format";
import { Tag } from "@/shared/ui/Tag";

const HOUR_MS = 3_600_000;

/** Until when a request is to be decided and how long that is by the server's clock; it stands out in the last hour. */
export function DecideBy({ batch: { cancel_at } }: { batch: Pick<BatchSummary, "cancel_at"> }) {
  const now = useServerNow();
  const left = timeLeft(cancel_at, now);
  return (
    <>
      {until(cancel_at, now)} {Date.parse(cancel_at) - now > HOUR_MS ? `(${left})` : <Tag tone="warn">{left}</Tag>}
    </>
  );
}
