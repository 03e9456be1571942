import type { CommandRequest } from "@/shared/api/client";
import type { BatchSummary, EditBody } from "@/shared/api/models";

/** Make orders of an account's proposal larger or smaller; what is not named is as proposed. */
export function editTrades({ batch_id, version }: BatchSummary, accountId: string, body: EditBody): CommandRequest {
  return { path: `/batches/${batch_id}/accounts/${accountId}/edits`, version, body };
}
