import type { CommandRequest } from "@/shared/api/client";
import type { BatchSummary } from "@/shared/api/models";

/** Propose stale accounts again: the one that is named, or all of the request. */
export function reproposeAccounts({ batch_id, version }: BatchSummary, accountId?: string): CommandRequest {
  const selection = accountId === undefined ? null : { kind: "ids" as const, ids: [accountId] };
  return { path: `/batches/${batch_id}/repropose`, version, body: { selection } };
}
