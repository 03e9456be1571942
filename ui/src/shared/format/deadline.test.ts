import { describe, expect, it } from "vitest";

import { serverNow, readTime } from "@/shared/api/serverTime";
import { timeLeft, until } from "@/shared/format/format";

const AT = "2026-11-20T23:00:00Z"; // 6:00 PM in New York
const now = (text: string) => Date.parse(text);

describe("a deadline", () => {
  it("is a time of day in the exchange's zone, with its day where that is another", () => {
    expect(until(AT, now("2026-11-20T16:00:00Z"))).toBe("6:00 PM EST");
    expect(until(AT, now("2026-11-20T02:00:00Z"))).toBe("Nov 20, 6:00 PM EST"); // still the 19th in New York
    expect(until("2026-07-20T22:00:00Z", now("2026-07-20T22:00:00Z"))).toBe("6:00 PM EDT");
  });
  it.each([
    ["2026-11-17T22:59:59Z", "3 d left"],
    ["2026-11-19T00:00:00Z", "47 h left"],
    ["2026-11-20T15:30:00Z", "7 h left"],
    ["2026-11-20T22:00:00Z", "1 h left"],
    ["2026-11-20T22:00:01Z", "59 min left"],
    ["2026-11-20T22:59:30Z", "less than a minute left"],
    ["2026-11-20T23:00:01Z", "time is up"],
  ])("from %s: %s, never more than it is", (at, left) => expect(timeLeft(AT, now(at))).toBe(left));
});

describe("the server's clock", () => {
  it("is told by every answer, and an answer that tells none changes nothing", () => {
    readTime(new Response(null, { headers: { "Server-Time": new Date(Date.now() + 86_400_000).toISOString() } }));
    const ahead = serverNow() - Date.now();
    expect(Math.abs(ahead - 86_400_000)).toBeLessThan(1000);
    readTime(new Response());
    expect(Math.abs(serverNow() - Date.now() - ahead)).toBeLessThan(1000);
  });
});
