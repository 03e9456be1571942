import type { CommandRequest } from "@/shared/api/client";
import type { Logic } from "@/shared/api/models";

/** Put another trade logic in force for a request. dropsEdits: also where that drops edited trades. */
export function switchLogic(batchId: number, version: number, logic: Logic, dropsEdits: boolean): CommandRequest {
  return { path: `/batches/${batchId}/logic`, version, body: dropsEdits ? { logic, drop_edits: true } : { logic } };
}
