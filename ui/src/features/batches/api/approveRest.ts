import type { CommandRequest } from "@/shared/api/client";
import type { BatchSummary, RestBody } from "@/shared/api/models";

/** Remove accounts and approve all others, at the version that the user saw. */
export function approveRest({ batch_id, version }: BatchSummary, body: RestBody): CommandRequest {
  return { path: `/batches/${batch_id}/approve-rest`, version, body };
}
