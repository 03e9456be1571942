import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { gathered, listen } from "@/shared/live/stream";

/** Stands in for the browser's EventSource, which jsdom lacks. */
class Source extends EventTarget {
  static readonly CLOSED = 2;
  static opened: Source[] = [];
  readyState = 1;
  constructor() {
    super();
    Source.opened.push(this);
  }
  close() {
    this.readyState = Source.CLOSED;
  }
  fail(forGood: boolean) {
    this.readyState = forGood ? Source.CLOSED : 0;
    this.dispatchEvent(new Event("error"));
  }
}

function deferred() {
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((_, fail) => (reject = fail));
  return { promise, reject: (error: Error) => reject(error) };
}

let hidden = false;
const see = (isSeen: boolean) => {
  hidden = !isSeen;
  document.dispatchEvent(new Event("visibilitychange"));
};

beforeEach(() => {
  Source.opened = [];
  hidden = false;
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", Source);
  vi.spyOn(document, "hidden", "get").mockImplementation(() => hidden);
});
afterEach(() => vi.useRealTimers());

function start() {
  const changed = vi.fn();
  const connected = vi.fn();
  const stop = listen("/events", { changed, connected });
  return { changed, connected, stop };
}

describe("the stream of changes", () => {
  it("tells what changed, and refreshes all when it opens, for what was missed", () => {
    const { changed, connected, stop } = start();
    Source.opened[0]?.dispatchEvent(new Event("open"));
    expect(connected).toHaveBeenLastCalledWith(true);
    expect(changed.mock.calls.flat()).toEqual(["batch", "queue", "analysis", "file"]);
    Source.opened[0]?.dispatchEvent(new Event("batch"));
    expect(changed).toHaveBeenLastCalledWith("batch");
    stop();
  });

  it("says when it is down, and comes back by itself", () => {
    const { connected, stop } = start();
    Source.opened[0]?.fail(false);
    expect(connected).toHaveBeenLastCalledWith(false);
    expect(Source.opened).toHaveLength(1);
    Source.opened[0]?.fail(true);
    vi.advanceTimersByTime(5000);
    expect(Source.opened).toHaveLength(2);
    stop();
  });

  it("is closed while the page is hidden and opened when it is seen again", () => {
    const { stop } = start();
    see(false);
    expect(Source.opened[0]?.readyState).toBe(Source.CLOSED);
    see(true);
    expect(Source.opened).toHaveLength(2);
    stop();
    expect(Source.opened[1]?.readyState).toBe(Source.CLOSED);
    see(true);
    expect(Source.opened).toHaveLength(2);
  });
});

describe("gathering", () => {
  it("acts at once, then once for all that came meanwhile", async () => {
    const act = vi.fn(() => Promise.resolve());
    const call = gathered(400, act);
    for (let turn = 0; turn < 50; turn++) call("batch");
    expect(act).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(400);
    expect(act).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(4000);
    expect(act).toHaveBeenCalledTimes(2);
  });

  it("waits for a slow fetch instead of cutting it off, whatever becomes of it", async () => {
    const { promise, reject } = deferred();
    const act = vi.fn(() => promise);
    const call = gathered(400, act);
    call("queue");
    call("queue");
    await vi.advanceTimersByTimeAsync(5000);
    expect(act).toHaveBeenCalledTimes(1);
    reject(new Error("away"));
    await vi.advanceTimersByTimeAsync(0);
    expect(act).toHaveBeenCalledTimes(2);
  });
});
