import type { BatchSummary } from "@/shared/api/models";
import { serverNow } from "@/shared/api/serverTime";
import { POLL_MS } from "@/shared/live/live";

/** Requests that are still open, or decided ones. */
export type Shelf = "open" | "history";

const LONGEST_MS = 3_600_000;
const REPORTED_MS = 15_000;

/**
 * Milliseconds until open requests are asked for again though changes are pushed: at the end of their day, when one that
 * could not be cancelled is put aside, nothing changes that would be pushed.
 */
export function untilDue(batches: readonly Pick<BatchSummary, "status" | "cancel_at">[], now = serverNow()): number | false {
  const ends = batches.filter(({ status }) => isOpen(status)).map(({ cancel_at }) => Date.parse(cancel_at) - now);
  return ends.length === 0 ? false : Math.min(Math.max(Math.min(...ends), POLL_MS), LONGEST_MS);
}

/** Milliseconds until an approved request is asked for again because orders are outstanding: their reports are not pushed. */
export function untilReported(batch: Pick<BatchSummary, "execution"> | undefined): number | false {
  return (batch?.execution?.outstanding ?? 0) > 0 ? REPORTED_MS : false;
}

/** Not decided yet: it can still change. */
export function isOpen(status: string | undefined): boolean {
  return status === undefined || status === "WORKING" || status === "PENDING_APPROVAL";
}
