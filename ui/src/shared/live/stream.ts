/** Server-sent events: they say what changed, and the pages fetch it again. One stream, closed while hidden. */
import type { Pushed } from "@/shared/api/models";

const RETRY_MS = 5000;
const KINDS: readonly Pushed["kind"][] = ["batch", "queue", "analysis", "file"];

export interface Listener {
  changed: (kind: Pushed["kind"]) => void;
  connected: (isLive: boolean) => void;
}

/** Open the stream and keep it open while the page is seen. Returns what closes it for good. */
export function listen(url: string, { changed, connected }: Listener): () => void {
  let source: EventSource | null = null;
  let retry: number | undefined;

  function open() {
    if (source || document.hidden) return;
    const opened = new EventSource(url);
    source = opened;
    opened.addEventListener("open", () => {
      connected(true);
      for (const kind of KINDS) changed(kind); // whatever was missed while there was no stream
    });
    opened.addEventListener("error", () => {
      connected(false);
      if (opened.readyState !== EventSource.CLOSED) return; // the browser tries again itself
      close();
      retry = window.setTimeout(open, RETRY_MS);
    });
    opened.addEventListener("reset", () => KINDS.forEach((kind) => changed(kind))); // the server cannot say what was missed
    for (const kind of KINDS) opened.addEventListener(kind, () => changed(kind));
  }

  function close() {
    window.clearTimeout(retry);
    source?.close();
    source = null;
  }

  function seen() {
    if (document.hidden) close();
    else open();
  }

  document.addEventListener("visibilitychange", seen);
  open();
  return () => {
    document.removeEventListener("visibilitychange", seen);
    close();
  };
}

/** Gather calls for the same name: the first acts at once, those that come within `wait` ms or before it is done act
 * together afterwards. So a working batch, which reports many times a second, never cuts off the fetch it caused. */
export function gathered<K>(wait: number, act: (name: K) => Promise<unknown>): (name: K) => void {
  const busy = new Set<K>();
  const again = new Set<K>();

  async function run(name: K) {
    busy.add(name);
    const pause = new Promise((done) => window.setTimeout(done, wait));
    await Promise.allSettled([act(name), pause]);
    busy.delete(name);
    if (again.delete(name)) void run(name);
  }

  return (name) => {
    if (busy.has(name)) again.add(name);
    else void run(name);
  };
}
