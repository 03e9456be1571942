/** The server's clock: deadlines are the server's, and the clock of the user's machine may be another. */
import { useEffect, useState } from "react";

const HEADER = "Server-Time";
const TICK_MS = 15_000;

let aheadMs = 0;

/** Read the instant that a response tells; without one the clocks are taken as they stood. */
export function readTime(response: Pick<Response, "headers">): void {
  const stated = Date.parse(response.headers.get(HEADER) ?? "");
  if (!Number.isNaN(stated)) aheadMs = stated - Date.now();
}

/** Milliseconds since 1970 by the server's clock. */
export function serverNow(): number {
  return Date.now() + aheadMs;
}

/** The server's clock, read again four times a minute. */
export function useServerNow(): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = window.setInterval(() => setNow(serverNow()), TICK_MS);
    return () => window.clearInterval(timer);
  }, []);
  return now;
}
