/**
 * Whether the server is heard from. Every answer to a request and every event of the stream counts; what was expected and did not
 * come raises a doubt, and the watch (shared/live/watch.ts) asks the server itself before it says that the connection is lost.
 */
export interface Connection {
  /** When the connection was lost: the last time that the server was heard from; null while it is not lost. Milliseconds. */
  lostAt: number | null;
}

let now: Connection = { lostAt: null };
let heardAt = Date.now();
const watchers = new Set<() => void>();
const doubters = new Set<() => void>();

/** The server answered or sent something just now. Ends a loss. */
export function heard(): void {
  heardAt = Date.now();
  if (now.lostAt !== null) set({ lostAt: null });
}

/** Something expected of the server did not come. */
export function doubt(): void {
  for (const doubter of doubters) doubter();
}

/** Nothing came, and the server does not answer when asked. */
export function lost(): void {
  if (now.lostAt === null) set({ lostAt: heardAt });
}

export function connection(): Connection {
  return now;
}

/** Call `changed` when the connection is lost or back. Returns what ends it. */
export function watch(changed: () => void): () => void {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

/** Call `doubted` at every doubt. Returns what ends it. */
export function onDoubt(doubted: () => void): () => void {
  doubters.add(doubted);
  return () => doubters.delete(doubted);
}

function set(next: Connection) {
  now = next;
  for (const changed of watchers) changed();
}
