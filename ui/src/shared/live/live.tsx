import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useState, type ReactNode } from "react";

import { BASE } from "@/shared/api/client";
import { staleAfter } from "@/shared/api/keys";
import type { Pushed } from "@/shared/api/models";
import { gathered, listen } from "@/shared/live/stream";

export const POLL_MS = 5000;
const GATHER_MS = 400;

const LiveContext = createContext(false);

/** Listens for changes and makes what they touch stale; below it useLive says whether the stream is open. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [isLive, setLive] = useState(false);
  useEffect(() => {
    const refresh = (kind: Pushed["kind"]) => Promise.all(staleAfter[kind].map((queryKey) => client.invalidateQueries({ queryKey })));
    const changed = gathered(GATHER_MS, refresh);
    return listen(`${BASE}/events`, { changed, connected: setLive });
  }, [client]);
  return <LiveContext value={isLive}>{children}</LiveContext>;
}

export function useLive(): boolean {
  return useContext(LiveContext);
}

/** How often a list asks again: never while changes are pushed, every five seconds otherwise. */
export function usePoll(): number | false {
  return useLive() ? false : POLL_MS;
}

/** Says how the page keeps itself up to date. */
export function LiveNote() {
  const isLive = useLive();
  return (
    <span className="live-note" data-live={isLive} role="status">
      <span aria-hidden="true" className="live-dot" />
      {isLive ? "Live updates" : "Checking every 5 seconds"}
    </span>
  );
}
