import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { get, send } from "@/shared/api/client";
import { connection, heard, lost, onDoubt } from "@/shared/api/connection";
import { COMMAND_MS, READ_MS } from "@/shared/api/patience";
import type { ProblemError } from "@/shared/api/problem";
import { json } from "@/test/render";

const COMMAND = { path: "/batches/7/approve", csrf: "token", key: "one" };

/** A request that is never answered, and ends with its signal as a browser's does. */
const silence: typeof fetch = (_, init) =>
  new Promise((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError"))));

/** An answer whose body never ends. */
const halfAResponse: typeof fetch = (input, init) =>
  Promise.resolve({ ok: true, status: 200, headers: new Headers(), text: async () => (await silence(input, init)).text() } as Response);

const failed = (work: Promise<unknown>) => work.then(() => null, (error: unknown) => error as ProblemError);

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  heard();
  vi.useRealTimers();
});

describe("a request that is not answered", () => {
  it.each([
    ["a read", () => get("/me"), READ_MS],
    ["a command", () => send(COMMAND), COMMAND_MS],
  ])("ends: %s", async (_, work, patience) => {
    for (const swallow of [silence, halfAResponse]) {
      vi.stubGlobal("fetch", swallow);
      const doubted = vi.fn();
      const undoubt = onDoubt(doubted);
      const error = failed(work());
      await vi.advanceTimersByTimeAsync(patience);
      expect(await error).toMatchObject({ code: "no_answer", unanswered: true });
      expect(doubted).toHaveBeenCalledTimes(1);
      undoubt();
    }
  });

  it("ends a command, not a read, as soon as the connection is known to be lost", async () => {
    vi.stubGlobal("fetch", silence);
    const read = vi.fn();
    void failed(get("/me")).then(read);
    const command = failed(send(COMMAND));
    await vi.advanceTimersByTimeAsync(1000);
    lost();
    expect(await command).toMatchObject({ code: "unreachable", unanswered: true });
    expect(read).not.toHaveBeenCalled();
  });

  it("is no failure where the page itself gave it up", async () => {
    vi.stubGlobal("fetch", silence);
    const stop = new AbortController();
    const error = failed(get("/me", {}, stop.signal));
    stop.abort();
    expect((await error)?.name).toBe("AbortError");
  });
});

describe("what counts as heard from", () => {
  const responses: [string, typeof fetch, boolean][] = [
    ["a result", () => Promise.resolve(json({})()), true],
    ["a refusal of ours", () => Promise.resolve(json({ code: "forbidden" }, 403)()), true],
    ["a fault of ours", () => Promise.resolve(json({ code: "unavailable" }, 503)()), true],
    ["a proxy's page", () => Promise.resolve(new Response("<html>Bad gateway</html>", { status: 502 })), false],
    ["a broken connection", () => Promise.reject(new TypeError("Failed to fetch")), false],
  ];
  it.each(responses)("%s", async (_, response, isHeard) => {
    lost();
    const doubted = vi.fn();
    const undoubt = onDoubt(doubted);
    vi.stubGlobal("fetch", response);
    await failed(get("/me"));
    expect(connection().lostAt === null).toBe(isHeard);
    expect(doubted).toHaveBeenCalledTimes(isHeard ? 0 : 1);
    undoubt();
  });
});
