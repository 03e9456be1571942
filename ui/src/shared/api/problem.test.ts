import { describe, expect, it } from "vitest";

import { explain, isWorthRetrying, problemFrom, retryDelayMs } from "@/shared/api/problem";

const tooMany = problemFrom(429, {
  code: "too_many_requests",
  title: "Too many requests",
  detail: "requests come faster than allowed; nothing was done, go on in 3 s",
  retry_after_s: 3,
});

describe("a refusal for coming too fast", () => {
  it("is asked again after as long as the server said", () => {
    expect(isWorthRetrying(tooMany)).toBe(true);
    expect(retryDelayMs(0, tooMany)).toBe(3000);
  });

  it("says that nothing was done and when to go on", () => {
    expect(explain(tooMany)).toEqual({ title: "Too many requests", detail: tooMany.message });
  });
});

it("asks again after a fault, never after another refusal", () => {
  expect(isWorthRetrying(problemFrom(503, null))).toBe(true);
  expect(isWorthRetrying(problemFrom(409, null))).toBe(false);
  expect(retryDelayMs(1, problemFrom(503, null))).toBe(2000);
});

it("names the request after a fault of the server, so that its log lines can be found, and not after a refusal", () => {
  const body = { title: "Something went wrong on our side", detail: "an unexpected fault", instance: "the-id-of-the-trace" };
  expect(explain(problemFrom(500, body)).detail).toBe("an unexpected fault (Reference: the-id-of-the-trace)");
  expect(explain(problemFrom(409, body)).detail).toBe("an unexpected fault");
  expect(explain(problemFrom(503, { ...body, instance: 7 })).detail).toBe("an unexpected fault");
});
