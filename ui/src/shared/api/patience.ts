/** How long an answer is waited for, and what ends the wait. */
import { connection, doubt, watch } from "@/shared/api/connection";
import { noResponse, unreachable, type ProblemError } from "@/shared/api/problem";

/** A read: the slowest list of a large book takes a few seconds. */
export const READ_MS = 20_000;
/** A command: the gateway itself gives a service 30 s and then says that it does not know. */
export const COMMAND_MS = 40_000;

/**
 * Run `work` with a signal that ends it after `patienceMs`, when `given` ends, or, for a command, when the connection is lost
 * meanwhile.  Raises ProblemError where nothing was heard; an end by `given` is passed on as it is.
 */
export async function patiently<T>(work: (signal: AbortSignal) => Promise<T>, patienceMs: number, given?: AbortSignal, isCommand = false): Promise<T> {
  const stop = new AbortController();
  const ended: { why: ProblemError | null } = { why: null };
  const end = (why: ProblemError | null) => {
    ended.why = why;
    stop.abort();
  };
  const timer = window.setTimeout(() => {
    doubt();
    end(noResponse(patienceMs));
  }, patienceMs);
  const passOn = () => end(null);
  given?.addEventListener("abort", passOn);
  if (given?.aborted) passOn();
  const unwatch = isCommand ? watch(() => connection().lostAt !== null && end(unreachable())) : () => undefined;
  try {
    return await work(stop.signal);
  } catch (error) {
    throw ended.why ?? error;
  } finally {
    window.clearTimeout(timer);
    given?.removeEventListener("abort", passOn);
    unwatch();
  }
}
