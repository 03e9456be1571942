/** Says when the connection is lost and when it is back: at a doubt the server is asked, and while it is lost, again and again. */
import { get } from "@/shared/api/client";
import { connection, lost, onDoubt, watch } from "@/shared/api/connection";
import type { Me } from "@/shared/api/models";
import { ProblemError } from "@/shared/api/problem";

/** How long the server may take to say who is signed in, a single read of its database. */
export const PROBE_MS = 5000;
const AGAIN_MS = 3000;

/** Watch until stopped; `back` is called when a lost connection has returned. Returns what stops it. */
export function watchConnection(back: () => void): () => void {
  let isAsking = false;
  let isStopped = false;
  let again: number | undefined;
  let wasLost = connection().lostAt !== null;

  async function ask() {
    window.clearTimeout(again);
    if (isAsking || isStopped) return;
    isAsking = true;
    const answered = await isAnswering();
    isAsking = false;
    if (!answered) lost();
    if (connection().lostAt !== null) askAgain();
  }

  function askAgain() {
    window.clearTimeout(again);
    again = window.setTimeout(() => void ask(), AGAIN_MS);
  }

  const unwatch = watch(() => {
    const isLost = connection().lostAt !== null;
    if (wasLost && !isLost) back();
    wasLost = isLost;
    if (isLost) askAgain();
    else window.clearTimeout(again);
  });
  const undoubt = onDoubt(() => void ask());
  const offline = () => lost();
  const online = () => void ask();
  const seen = () => {
    if (!document.hidden && connection().lostAt !== null) void ask();
  };
  window.addEventListener("offline", offline);
  window.addEventListener("online", online);
  document.addEventListener("visibilitychange", seen);
  if (!navigator.onLine) lost();
  return () => {
    isStopped = true;
    window.clearTimeout(again);
    unwatch();
    undoubt();
    window.removeEventListener("offline", offline);
    window.removeEventListener("online", online);
    document.removeEventListener("visibilitychange", seen);
  };
}

/** Whether the server answers anything at all; a refusal is an answer. */
async function isAnswering(): Promise<boolean> {
  const stop = new AbortController();
  const timer = window.setTimeout(() => stop.abort(), PROBE_MS);
  try {
    await get<Me>("/me", {}, stop.signal);
    return true;
  } catch (error) {
    return error instanceof ProblemError && !error.unanswered;
  } finally {
    window.clearTimeout(timer);
  }
}
