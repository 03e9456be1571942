import type { CommandRequest } from "@/shared/api/client";
import type { BatchSummary, UndoBody } from "@/shared/api/models";

/** Put removed accounts back; refused with the count of those that can be when it is not the expected one. */
export function undoRemoval({ batch_id, version }: BatchSummary, body: UndoBody): CommandRequest {
  return { path: `/batches/${batch_id}/removals/undo`, version, body };
}
