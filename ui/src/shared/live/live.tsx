import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useState, type ReactNode } from "react";

import { BASE } from "@/shared/api/client";
import { staleAfter } from "@/shared/api/keys";
import type { Pushed } from "@/shared/api/models";
import { gathered } from "@/shared/live/gathered";
import { listen } from "@/shared/live/stream";
import { useLostAt } from "@/shared/live/useLost";
import { watchConnection } from "@/shared/live/watch";

export const POLL_MS = 5000;
const GATHER_MS = 400;

const LiveContext = createContext(false);

/**
 * Listens for changes and makes what they touch stale, and watches the connection: when it is back, all that is shown is fetched
 * again. Below it useLive says whether the stream is open.
 */
export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [isLive, setLive] = useState(false);
  useEffect(() => {
    const refresh = (kind: Pushed["kind"]) => Promise.all(staleAfter[kind].map((queryKey) => client.invalidateQueries({ queryKey })));
    const changed = gathered(GATHER_MS, refresh);
    const stream = listen(`${BASE}/events`, { changed, connected: setLive });
    const unwatch = watchConnection(() => {
      stream.retry();
      void client.invalidateQueries();
    });
    return () => {
      unwatch();
      stream.stop();
    };
  }, [client]);
  return <LiveContext value={isLive}>{children}</LiveContext>;
}

export function useLive(): boolean {
  return useContext(LiveContext);
}

/** How often a list asks again: every five seconds while changes are not pushed; never while the connection is lost, which the watch tries. */
export function usePoll(): number | false {
  const isLost = useLostAt() !== null;
  return useLive() || isLost ? false : POLL_MS;
}

/** Says how the page keeps itself up to date. */
export function LiveNote() {
  const isLost = useLostAt() !== null;
  const isLive = useLive() && !isLost;
  return (
    <span className="live-note" data-live={isLive} role="status">
      <span aria-hidden="true" className="live-dot" />
      {isLost ? "Connection lost" : isLive ? "Live updates" : "Checking every 5 seconds"}
    </span>
  );
}
