import { describe, expect, it } from "vitest";

import { compare, plain, scaled, shifted } from "@/shared/format/decimal";
import { count, day, instant, percent, plural, price, quantity, sign, usd } from "@/shared/format/format";

describe("dollars", () => {
  it.each([
    ["1234.56", false, "$1,235"],
    ["1234.49", false, "$1,234"],
    ["-5548.10", false, "($5,548)"],
    ["-0.40", false, "$0"],
    ["0.00", false, "$0"],
    ["-0.40", true, "($0.40)"],
    ["9007199254740993.01", true, "$9,007,199,254,740,993.01"],
    [null, false, "–"],
    [undefined, true, "–"],
  ] as const)("%s (cents: %s) is %s", (text, cents, expected) => expect(usd(text, cents)).toBe(expected));
});

describe("other figures", () => {
  it.each([
    ["0.125", 1, "12.5%"],
    ["0.12349", 2, "12.35%"],
    ["-0.01", 1, "(1.0%)"],
    ["0", 1, "0.0%"],
  ] as const)("weight %s", (text, decimals, expected) => expect(percent(text, decimals)).toBe(expected));

  it.each([
    ["1200.500000", "1,200.5"],
    ["41", "41"],
    ["-3.25", "(3.25)"],
  ])("quantity %s", (text, expected) => expect(quantity(text)).toBe(expected));

  it("prices have at least cents", () => {
    expect(price("87.2")).toBe("$87.20");
    expect(price("87.123456")).toBe("$87.123456");
  });

  it("counts follow their word", () => {
    expect(plural(1, "account")).toBe("1 account");
    expect(plural(2318, "account")).toBe("2,318 accounts");
    expect(count(null)).toBe("–");
  });

  it("signs", () => expect([sign("-0.01"), sign("0.00"), sign("3"), sign(null)]).toEqual([-1, 0, 1, 0]));
});

describe("times", () => {
  it("a day is the same day everywhere", () => expect(day("2026-03-01")).toBe("Mar 1, 2026"));
  it("an instant stands in New York time with its zone", () => {
    expect(instant("2026-11-20T23:00:00Z").replaceAll("\u202f", " ")).toBe("Nov 20, 2026, 6:00 PM EST");
    expect(instant("2026-07-01T22:00:00Z").replaceAll("\u202f", " ")).toBe("Jul 1, 2026, 6:00 PM EDT");
  });
});

describe("exact decimals", () => {
  const of = (text: string) => {
    const value = scaled(text);
    if (!value) throw new Error(text);
    return value;
  };

  it("shift exactly", () => {
    expect(plain(shifted(of("12.5"), -2))).toBe("0.125");
    expect(plain(shifted(of("1.2"), 6))).toBe("1200000");
  });
  it("compare over different lengths and signs", () => {
    expect(compare(of("0.1"), of("0.10"))).toBe(0);
    expect(compare(of("-2"), of("1"))).toBe(-1);
    expect(compare(of("0.100000001"), of("0.1"))).toBe(1);
  });
  it.each(["", "1e5", "1,000", "NaN", "."])("%s is no number", (text) => expect(scaled(text)).toBeNull());
});
