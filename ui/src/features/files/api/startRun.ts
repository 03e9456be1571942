import type { CommandRequest } from "@/shared/api/client";

/** Start an analysis of what the user may see; one that is running is joined. */
export function startRun(): CommandRequest {
  return { path: "/runs" };
}
