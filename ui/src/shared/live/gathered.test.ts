import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { gathered } from "@/shared/live/gathered";

function deferred() {
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((_, fail) => (reject = fail));
  return { promise, reject: (error: Error) => reject(error) };
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

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
