import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { onDoubt } from "@/shared/api/connection";
import { listen, SILENCE_MS } from "@/shared/live/stream";

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
  const doubted = vi.fn();
  const undoubt = onDoubt(doubted);
  const { retry, stop } = listen("/events", { changed, connected });
  return {
    changed, connected, doubted, retry,
    stop: () => {
      stop();
      undoubt();
    },
  };
}

const latest = () => Source.opened[Source.opened.length - 1] as Source;
const alive = () => latest().dispatchEvent(new Event("alive"));

describe("the stream of changes", () => {
  it("is live from its first heartbeat on, not from its headers, and refreshes all then, for what was missed", () => {
    const { changed, connected, stop } = start();
    latest().dispatchEvent(new Event("open"));
    expect(connected).not.toHaveBeenCalledWith(true);
    alive();
    expect(connected).toHaveBeenLastCalledWith(true);
    expect(changed.mock.calls.flat()).toEqual(["batch", "queue", "analysis", "file"]);
    latest().dispatchEvent(new Event("batch"));
    expect(changed).toHaveBeenLastCalledWith("batch");
    alive();
    expect(changed).toHaveBeenCalledTimes(5);
    stop();
  });

  it("says when it is down, and comes back by itself", () => {
    const { connected, doubted, stop } = start();
    latest().fail(false);
    expect(connected).toHaveBeenLastCalledWith(false);
    expect(doubted).toHaveBeenCalledTimes(1);
    expect(Source.opened).toHaveLength(1);
    latest().fail(true);
    vi.advanceTimersByTime(5000);
    expect(Source.opened).toHaveLength(2);
    stop();
  });

  it.each([
    ["nothing comes at all, as from a frozen server", () => undefined],
    ["only headers come, as through a proxy that swallows the rest", () => latest().dispatchEvent(new Event("open"))],
    ["it was live and falls silent", alive],
  ])("is not live any more where %s, raises a doubt, and is opened anew", (_, before) => {
    const { connected, doubted, stop } = start();
    before();
    vi.advanceTimersByTime(SILENCE_MS - 1);
    expect(doubted).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(doubted).toHaveBeenCalledTimes(1);
    expect(connected).toHaveBeenLastCalledWith(false);
    expect(latest().readyState).toBe(Source.CLOSED);
    vi.advanceTimersByTime(5000);
    expect(Source.opened).toHaveLength(2);
    alive();
    expect(connected).toHaveBeenLastCalledWith(true);
    stop();
  });

  it("stays live as long as heartbeats come", () => {
    const { connected, stop } = start();
    for (let turn = 0; turn < 20; turn++) {
      alive();
      vi.advanceTimersByTime(5000);
    }
    expect(connected.mock.calls.flat()).toEqual([true]);
    stop();
  });

  it("is opened at once when told to, unless it is live", () => {
    const { retry, stop } = start();
    latest().fail(true);
    retry();
    expect(Source.opened).toHaveLength(2);
    alive();
    retry();
    expect(Source.opened).toHaveLength(2);
    stop();
  });

  it("is closed while the page is hidden, which is no loss, and opened when it is seen again", () => {
    const { connected, doubted, stop } = start();
    alive();
    see(false);
    expect(latest().readyState).toBe(Source.CLOSED);
    expect(connected).toHaveBeenLastCalledWith(false);
    vi.advanceTimersByTime(60_000);
    expect(doubted).not.toHaveBeenCalled();
    see(true);
    expect(Source.opened).toHaveLength(2);
    stop();
    expect(latest().readyState).toBe(Source.CLOSED);
    see(true);
    expect(Source.opened).toHaveLength(2);
  });
});
