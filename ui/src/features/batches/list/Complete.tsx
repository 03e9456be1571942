import type { BatchSummary } from "@/shared/api/models";
import { count } from "@/shared/format/format";

/** What was neither failed nor removed: orders were sent for it only where the request was approved. */
export function Complete({ batch: { accounts, counts, result } }: { batch: BatchSummary }) {
  const remained = accounts - counts.failed - counts.removed;
  return (
    <>
      {count(remained)}
      {result !== "Complete" && remained > 0 && <span className="note under">Not traded</span>}
    </>
  );
}
