/** Server-sent events: they say what changed, and the pages fetch it again. One stream, closed while hidden. */
import { doubt, heard } from "@/shared/api/connection";
import type { Pushed } from "@/shared/api/models";

const RETRY_MS = 5000;
/** Longest silence of a stream, from the moment it is asked for: the server sends a heartbeat every five seconds. */
export const SILENCE_MS = 12_000;
const KINDS: readonly Pushed["kind"][] = ["batch", "queue", "analysis", "file"];

export interface Listener {
  changed: (kind: Pushed["kind"]) => void;
  connected: (isLive: boolean) => void;
}

export interface Stream {
  /** Open it at once where it is down or pausing. */
  retry: () => void;
  /** Close it for good. */
  stop: () => void;
}

/** Open the stream and keep it open while the page is seen. It is live from its first heartbeat on, and no longer than one is due. */
export function listen(url: string, { changed, connected }: Listener): Stream {
  let source: EventSource | null = null;
  let isLive = false;
  let again: number | undefined;
  let watchdog: number | undefined;

  function open() {
    window.clearTimeout(again);
    if (source || document.hidden) return;
    const opened = new EventSource(url);
    source = opened;
    const received = () => {
      if (source !== opened) return;
      heard();
      expectSign();
      if (!isLive) {
        setLive(true);
        for (const kind of KINDS) changed(kind); // whatever was missed while there was no stream
      }
    };
    opened.addEventListener("error", () => {
      setLive(false);
      doubt();
      if (opened.readyState !== EventSource.CLOSED) return; // the browser tries again itself
      pause();
    });
    opened.addEventListener("alive", received);
    opened.addEventListener("reset", () => {
      received();
      for (const kind of KINDS) changed(kind); // the server cannot say what was missed
    });
    for (const kind of KINDS) {
      opened.addEventListener(kind, () => {
        received();
        changed(kind);
      });
    }
    expectSign();
  }

  /** Begin to wait for the next sign of life. */
  function expectSign() {
    window.clearTimeout(watchdog);
    watchdog = window.setTimeout(() => {
      setLive(false);
      doubt();
      pause();
    }, SILENCE_MS);
  }

  function setLive(next: boolean) {
    isLive = next;
    connected(next);
  }

  function pause() {
    close();
    again = window.setTimeout(open, RETRY_MS);
  }

  function close() {
    window.clearTimeout(again);
    window.clearTimeout(watchdog);
    source?.close();
    source = null;
  }

  function seen() {
    if (document.hidden) {
      close();
      setLive(false);
    } else open();
  }

  document.addEventListener("visibilitychange", seen);
  open();
  return {
    retry: () => {
      if (isLive) return;
      close();
      open();
    },
    stop: () => {
      document.removeEventListener("visibilitychange", seen);
      close();
    },
  };
}
