import type { Decision } from "@/features/batches/commands/rules";
import type { CommandRequest } from "@/shared/api/client";
import type { BatchSummary } from "@/shared/api/models";

/** Approve or cancel a request at the version that the user saw, with what they noted. */
export function decideBatch({ batch_id, version }: BatchSummary, decision: Decision, note: string): CommandRequest {
  return { path: `/batches/${batch_id}/${decision}`, version, body: { note } };
}
