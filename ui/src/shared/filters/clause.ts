/** Filter clauses `field.op.value`: the same text in the page's address and in the question to the server. */
import { compare, grouped, plain, scaled, shifted, type Scaled } from "@/shared/format/decimal";
import { day } from "@/shared/format/format";

export type Op = "eq" | "gte" | "lte" | "in";
export type Kind = "money" | "percent" | "count" | "day" | "choice" | "text";

export interface Field {
  id: string;
  label: string;
  kind: Kind;
  /** Known values of a choice: value and label. Fields of kind text take any value. */
  choices?: readonly (readonly [string, string])[];
}

export interface Clause {
  field: string;
  op: Op;
  values: readonly string[];
}

export const opNames: Readonly<Record<Op, string>> = {
  eq: "Is equal to",
  gte: "Is greater than or equal to",
  lte: "Is less than or equal to",
  in: "Is one of",
};

export const dayOpNames: typeof opNames = { eq: "Is on", gte: "Is on or after", lte: "Is on or before", in: "Is one of" };

const SIGNS: Readonly<Record<Op, string>> = { eq: "=", gte: "≥", lte: "≤", in: "is" };
const DAY_SIGNS: typeof SIGNS = { eq: "on", gte: "from", lte: "until", in: "is" };
const VALUE = /^[^|]{1,64}$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

const isText = (field: Field): boolean => field.kind === "choice" || field.kind === "text";
export const isNumber = (field: Field): boolean => !isText(field) && field.kind !== "day";

/** Operators a field takes. */
export const ops = (field: Field): readonly Op[] => (isText(field) ? ["in"] : ["eq", "gte", "lte"]);

/** Read one clause; null when it is junk, as a stale or hand-made link may hold. */
export function parse(text: string, fields: readonly Field[]): Clause | null {
  const [id = "", op = "", ...rest] = text.split(".");
  const field = fields.find((candidate) => candidate.id === id);
  const value = rest.join(".");
  if (!field || value === "" || !(ops(field) as readonly string[]).includes(op)) return null;
  if (field.kind === "day") return isDay(value) ? { field: id, op: op as Op, values: [value] } : null;
  if (op !== "in") {
    const number = scaled(value);
    return number && fits(number, field.kind) ? { field: id, op: op as Op, values: [written(number, field.kind)] } : null;
  }
  const values = [...new Set(value.split("|"))];
  const known = field.choices?.map(([choice]) => choice);
  return values.every((item) => (known ? known.includes(item) : VALUE.test(item))) ? { field: id, op: "in", values } : null;
}

export function write({ field, op, values }: Clause): string {
  return `${field}.${op}.${values.join("|")}`;
}

/** Keep what can be read, in its plain form, once each. */
export function clean(texts: readonly string[], fields: readonly Field[]): string[] {
  const read = texts.map((text) => parse(text, fields)).filter((clause) => clause !== null);
  return [...new Set(read.map(write))].slice(0, 20);
}

const ENTRY = /^(-)?\$?(\d[\d,]*(?:\.\d*)?|\.\d+)\s*([kmb%]?)$/i;
const ZEROS: Readonly<Record<string, number>> = { k: 3, m: 6, b: 9 };

/** Read what a user types: 12,500, $12.5k, (300), 5%, a day. Percents become fractions. Null when it cannot be read. */
export function entered(text: string, kind: Kind): string | null {
  const bare = text.trim();
  if (kind === "day") return isDay(bare) ? bare : null;
  const inParentheses = /^\((.*)\)$/.exec(bare);
  const match = ENTRY.exec((inParentheses?.[1] ?? bare).trim());
  if (!match || (inParentheses && match[1])) return null;
  const suffix = (match[3] ?? "").toLowerCase();
  if ((suffix === "%") !== (kind === "percent") && suffix === "%") return null;
  const digits = (match[2] ?? "").replaceAll(",", "").replace(/^\./, "0.").replace(/\.$/, "");
  const number = scaled((match[1] || inParentheses ? "-" : "") + digits);
  if (!number) return null;
  const value = shifted(shifted(number, ZEROS[suffix] ?? 0), kind === "percent" ? -2 : 0);
  return fits(value, kind) ? written(value, kind) : null;
}

/** Decimals that the server compares: cents, parts per billion, whole counts. */
const FINEST: Readonly<Partial<Record<Kind, number>>> = { money: 2, percent: 9, count: 0 };
const MOST_DIGITS = 9;
const MOST_DIGITS_OF_MONEY = 15;

/** Whether the server can compare with it. */
function fits(value: Scaled, kind: Kind): boolean {
  const [whole = "", part = ""] = plain({ ...value, negative: false }).split(".");
  return part.length <= (FINEST[kind] ?? 0) && whole.length <= (kind === "money" ? MOST_DIGITS_OF_MONEY : MOST_DIGITS);
}

/** A number in its plain form. Dollars that were written with cents keep them: "= 100.00" means the cent, "= 100" what is shown as $100. */
function written(value: Scaled, kind: Kind): string {
  const text = plain(value);
  if (kind !== "money" || value.decimals === 0) return text;
  const [whole = "", part = ""] = text.split(".");
  return `${whole}.${part.padEnd(2, "0")}`;
}

/** Whether a text is a day of the calendar, as 2026-06-12. */
function isDay(text: string): boolean {
  const at = DAY.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** A clause as its chip shows it: "Market value ≥ $10,000". */
export function describe(clause: Clause, field: Field): string {
  const values = clause.values.map((value) => shown(value, field));
  return `${field.label} ${(field.kind === "day" ? DAY_SIGNS : SIGNS)[clause.op]} ${values.join(" or ")}`;
}

/** The value as an entry box shows it, so that a chip can be edited. */
export function editable(value: string, field: Field): string {
  const number = isNumber(field) ? scaled(value) : null;
  return number && field.kind === "percent" ? plain(shifted(number, 2)) : value;
}

/** A sentence when no value can satisfy all limits on one field; else null. */
export function contradiction(clauses: readonly Clause[], fields: readonly Field[]): string | null {
  for (const field of fields.filter((field) => !isText(field))) {
    const low: Scaled[] = [];
    const high: Scaled[] = [];
    for (const { op, values } of clauses.filter((clause) => clause.field === field.id)) {
      const text = values[0] ?? "";
      const limit = scaled(field.kind === "day" ? text.replaceAll("-", "") : text);
      if (!limit) continue;
      if (op !== "lte") low.push(op === "eq" ? away(limit, field.kind, -1n) : limit);
      if (op !== "gte") high.push(op === "eq" ? away(limit, field.kind, 1n) : limit);
    }
    if (low.some((from) => high.some((to) => compare(from, to) > 0))) {
      return `No value can meet all the limits on ${field.label}.`;
    }
  }
  return null;
}

/** Decimals that a list shows: whole dollars, tenths of a percent. */
const SHOWN: Readonly<Partial<Record<Kind, number>>> = { money: 0, percent: 3 };

/** The end of what is shown as a value, half a step from it: "= 100" holds $99.50 to $100.49. */
function away(value: Scaled, kind: Kind, direction: 1n | -1n): Scaled {
  const shown = SHOWN[kind];
  if (shown === undefined) return value;
  const decimals = Math.max(value.decimals, shown);
  const units = (value.negative ? -1n : 1n) * value.units * 10n ** BigInt(decimals - value.decimals + 1) + 5n * direction;
  return { negative: units < 0n, units: units < 0n ? -units : units, decimals: decimals + 1 };
}

function shown(value: string, field: Field): string {
  if (field.kind === "day") return day(value);
  if (!isNumber(field)) return field.choices?.find(([choice]) => choice === value)?.[1] ?? value;
  const number = scaled(value);
  if (!number) return value;
  const moved = field.kind === "percent" ? shifted(number, 2) : number;
  const decimals = field.kind === "money" ? moved.decimals : (plain(moved).split(".")[1]?.length ?? 0);
  const digits = grouped(moved, decimals);
  const text = field.kind === "money" ? `$${digits}` : field.kind === "percent" ? `${digits}%` : digits;
  return number.negative ? `(${text})` : text;
}
