import { useSyncExternalStore } from "react";

import { connection, watch } from "@/shared/api/connection";
import { clock } from "@/shared/format/format";

/** When the connection was lost (milliseconds), or null. */
export function useLostAt(): number | null {
  return useSyncExternalStore(watch, () => connection().lostAt);
}

/** Why no command can be sent now, or null. */
export function useLost(): string | null {
  const at = useLostAt();
  return at === null ? null : `Connection lost at ${clock(at)}: nothing can be sent until it is back.`;
}
