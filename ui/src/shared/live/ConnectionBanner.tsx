import { useEffect, useRef, useState } from "react";

import { clock } from "@/shared/format/format";
import { useLostAt } from "@/shared/live/useLost";

const SHOWN_MS = 10_000;

/** Says that the connection is lost, since when, and for a while that it is back; read out at once, and in sight wherever one scrolls. */
export function ConnectionBanner() {
  const lostAt = useLostAt();
  const [backAt, setBackAt] = useState<number | null>(null);
  const wasLost = useRef(false);
  useEffect(() => {
    const isBack = wasLost.current && lostAt === null;
    wasLost.current = lostAt !== null;
    setBackAt(isBack ? Date.now() : null);
    const timer = window.setTimeout(() => setBackAt(null), SHOWN_MS);
    return () => window.clearTimeout(timer);
  }, [lostAt]);
  return (
    <div className="connection" role="alert" data-state={lostAt !== null ? "lost" : backAt !== null ? "back" : undefined}>
      {lostAt !== null && (
        <>
          <strong>Connection lost at {clock(lostAt)}, figures may be old.</strong> It is tried again by itself. Until it is back nothing can be sent.
        </>
      )}
      {lostAt === null && backAt !== null && `Connected again at ${clock(backAt)}. What is shown is fetched anew.`}
    </div>
  );
}
