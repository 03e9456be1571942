import type { CommandRequest } from "@/shared/api/client";
import type { RemovalBody } from "@/shared/api/models";

/** Take accounts out of a request; refused with the count when it is not the expected one. */
export function removeAccounts(batchId: number, version: number, body: RemovalBody): CommandRequest {
  return { path: `/batches/${batchId}/removals`, version, body };
}
