import type { CommandRequest } from "@/shared/api/client";
import type { Logic } from "@/shared/api/models";

/** Put another trade logic in force for a request. */
export function switchLogic(batchId: number, version: number, logic: Logic): CommandRequest {
  return { path: `/batches/${batchId}/logic`, version, body: { logic } };
}
