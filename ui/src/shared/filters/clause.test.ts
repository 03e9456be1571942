import { describe, expect, it } from "vitest";

import { clean, contradiction, describe as sentence, editable, entered, parse, write, type Field } from "@/shared/filters/clause";

const FIELDS: Field[] = [
  { id: "market_value", label: "Market value", kind: "money" },
  { id: "max_drift", label: "Max drift", kind: "percent" },
  { id: "buys", label: "Buys", kind: "count" },
  { id: "result", label: "Result", kind: "choice", choices: [["FAILED", "Failed"], ["REMOVED", "Removed"]] },
  { id: "custodian", label: "Custodian", kind: "text" },
  { id: "needed_since", label: "Needed since", kind: "day" },
];
const field = (id: string) => {
  const found = FIELDS.find((candidate) => candidate.id === id);
  if (!found) throw new Error(id);
  return found;
};

describe("a clause in an address", () => {
  it.each([
    ["market_value.gte.10000", "market_value.gte.10000"],
    ["market_value.lte.-250.50", "market_value.lte.-250.50"],
    ["market_value.eq.100.00", "market_value.eq.100.00"],
    ["market_value.eq.100.5", "market_value.eq.100.50"],
    ["needed_since.gte.2026-02-28", "needed_since.gte.2026-02-28"],
    ["max_drift.gte.0.05", "max_drift.gte.0.05"],
    ["buys.eq.3", "buys.eq.3"],
    ["result.in.FAILED|REMOVED", "result.in.FAILED|REMOVED"],
    ["result.in.FAILED|FAILED", "result.in.FAILED"],
    ["custodian.in.Fidelity.East", "custodian.in.Fidelity.East"],
  ])("%s is read and written as %s", (text, expected) => {
    const clause = parse(text, FIELDS);
    expect(clause && write(clause)).toBe(expected);
  });

  it.each(["", "market_value", "market_value.gt.5", "market_value.gte.", "market_value.gte.1e9", "market_value.in.5", "buys.eq.1.5", "nothing.gte.5", "result.in.DONE", "result.eq.FAILED", "custodian.in.a||b", "needed_since.eq.2026-13-01", "needed_since.in.2026-11-20", "market_value.gte.0.001"])(
    "%s is dropped",
    (text) => expect(parse(text, FIELDS)).toBeNull(),
  );

  it("is kept once, and what cannot be read goes", () => {
    expect(clean(["buys.gte.1", "junk", "buys.gte.1", "buys.gte.01"], FIELDS)).toEqual(["buys.gte.1"]);
  });
});

describe("what a user types", () => {
  it.each([
    ["12,500", "money", "12500"],
    ["$12.5k", "money", "12500"],
    ["1.2m", "money", "1200000"],
    ["(300)", "money", "-300"],
    ["($1,000.25)", "money", "-1000.25"],
    ["-5", "money", "-5"],
    [".5", "money", "0.50"],
    ["100.00", "money", "100.00"],
    ["2026-02-28", "day", "2026-02-28"],
    ["5", "percent", "0.05"],
    ["7.25%", "percent", "0.0725"],
    ["4", "count", "4"],
  ] as const)("%s as %s is %s", (text, kind, expected) => expect(entered(text, kind)).toBe(expected));

  it.each([
    ["", "money"],
    ["abc", "money"],
    ["5%", "money"],
    ["1.5", "count"],
    ["(-3)", "money"],
    ["1e5", "money"],
    ["0.001", "money"],
    ["1234567890123456", "money"],
    ["2026-02-30", "day"],
    ["yesterday", "day"],
  ] as const)("%s as %s cannot be read", (text, kind) => expect(entered(text, kind)).toBeNull());
});

describe("a chip", () => {
  it.each([
    ["market_value.gte.10000", "Market value ≥ $10,000"],
    ["market_value.lte.-5000.5", "Market value ≤ ($5,000.50)"],
    ["max_drift.gte.0.05", "Max drift ≥ 5%"],
    ["buys.eq.3", "Buys = 3"],
    ["market_value.eq.100", "Market value = $100"],
    ["market_value.eq.100.00", "Market value = $100.00"],
    ["needed_since.gte.2026-11-20", "Needed since from Nov 20, 2026"],
    ["result.in.FAILED|REMOVED", "Result is Failed or Removed"],
  ])("%s says %s", (text, expected) => {
    const clause = parse(text, FIELDS);
    expect(clause && sentence(clause, field(clause.field))).toBe(expected);
  });

  it("shows a percent in its entry box as percent", () => expect(editable("0.05", field("max_drift"))).toBe("5"));
});

describe("limits on one field", () => {
  const check = (...texts: string[]) => contradiction(texts.map((text) => parse(text, FIELDS)).filter((clause) => clause !== null), FIELDS);

  it("make a range", () => expect(check("market_value.gte.10000", "market_value.lte.200000")).toBeNull());
  it("may meet in one value", () => expect(check("market_value.gte.5", "market_value.eq.5", "market_value.lte.5")).toBeNull());
  it("contradict each other", () => expect(check("market_value.gte.10", "market_value.lte.9.99")).toContain("Market value"));
  it("leave an equality what is shown as it", () => {
    expect(check("market_value.eq.100", "market_value.gte.100.40")).toBeNull();
    expect(check("market_value.eq.100", "market_value.gte.100.60")).toContain("Market value");
    expect(check("market_value.eq.-100", "market_value.lte.-100.40")).toBeNull();
    expect(check("max_drift.eq.0.05", "max_drift.gte.0.0504")).toBeNull();
    expect(check("max_drift.eq.0.05", "max_drift.gte.0.051")).toContain("Max drift");
  });
  it("are compared as days", () => {
    expect(check("needed_since.gte.2026-11-20", "needed_since.lte.2026-11-20")).toBeNull();
    expect(check("needed_since.gte.2026-11-20", "needed_since.lte.2026-11-19")).toContain("Needed since");
  });
  it("contradict an equality", () => expect(check("buys.eq.3", "buys.gte.4")).toContain("Buys"));
});
