import type { CommandRequest } from "@/shared/api/client";
import type { ProposeBody } from "@/shared/api/models";

/** Make a batch of a selection; refused with the count when it is not the expected one. */
export function proposeBatch(body: ProposeBody): CommandRequest {
  return { path: "/batches", body };
}
