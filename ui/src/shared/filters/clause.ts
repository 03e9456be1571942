/** Filter clauses `field.op.value`: the same text in the page's address and in the question to the server. */
import { compare, grouped, plain, scaled, shifted, type Scaled } from "@/shared/format/decimal";

export type Op = "eq" | "gte" | "lte" | "in";
export type Kind = "money" | "percent" | "count" | "choice" | "text";

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

const SIGNS: Readonly<Record<Op, string>> = { eq: "=", gte: "≥", lte: "≤", in: "is" };
const VALUE = /^[^|]{1,64}$/;

export const isNumber = (field: Field): boolean => field.kind !== "choice" && field.kind !== "text";

/** Operators a field takes. */
export const ops = (field: Field): readonly Op[] => (isNumber(field) ? ["eq", "gte", "lte"] : ["in"]);

/** Read one clause; null when it is junk, as a stale or hand-made link may hold. */
export function parse(text: string, fields: readonly Field[]): Clause | null {
  const [id = "", op = "", ...rest] = text.split(".");
  const field = fields.find((candidate) => candidate.id === id);
  const value = rest.join(".");
  if (!field || value === "" || !(ops(field) as readonly string[]).includes(op)) return null;
  if (op !== "in") {
    const number = scaled(value);
    if (!number || (field.kind === "count" && plain(number).includes("."))) return null;
    return { field: id, op: op as Op, values: [plain(number)] };
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

/** Read what a user types: 12,500, $12.5k, (300), 5%. Percents become fractions. Null when it cannot be read. */
export function entered(text: string, kind: Kind): string | null {
  const bare = text.trim();
  const inParentheses = /^\((.*)\)$/.exec(bare);
  const match = ENTRY.exec((inParentheses?.[1] ?? bare).trim());
  if (!match || (inParentheses && match[1])) return null;
  const suffix = (match[3] ?? "").toLowerCase();
  if ((suffix === "%") !== (kind === "percent") && suffix === "%") return null;
  const digits = (match[2] ?? "").replaceAll(",", "").replace(/^\./, "0.").replace(/\.$/, "");
  const number = scaled((match[1] || inParentheses ? "-" : "") + digits);
  if (!number) return null;
  const value = shifted(shifted(number, ZEROS[suffix] ?? 0), kind === "percent" ? -2 : 0);
  const result = plain(value);
  return kind === "count" && result.includes(".") ? null : result;
}

/** A clause as its chip shows it: "Market value ≥ $10,000". */
export function describe(clause: Clause, field: Field): string {
  const values = clause.values.map((value) => shown(value, field));
  return `${field.label} ${SIGNS[clause.op]} ${values.join(" or ")}`;
}

/** The value as an entry box shows it, so that a chip can be edited. */
export function editable(value: string, field: Field): string {
  const number = isNumber(field) ? scaled(value) : null;
  return number && field.kind === "percent" ? plain(shifted(number, 2)) : value;
}

/** A sentence when no value can satisfy all limits on one number field; else null. */
export function contradiction(clauses: readonly Clause[], fields: readonly Field[]): string | null {
  for (const field of fields.filter(isNumber)) {
    const low: Scaled[] = [];
    const high: Scaled[] = [];
    for (const { op, values } of clauses.filter((clause) => clause.field === field.id)) {
      const limit = scaled(values[0] ?? "");
      if (!limit) continue;
      if (op !== "lte") low.push(limit);
      if (op !== "gte") high.push(limit);
    }
    if (low.some((from) => high.some((to) => compare(from, to) > 0))) {
      return `No value can meet all the limits on ${field.label}.`;
    }
  }
  return null;
}

function shown(value: string, field: Field): string {
  if (!isNumber(field)) return field.choices?.find(([choice]) => choice === value)?.[1] ?? value;
  const number = scaled(value);
  if (!number) return value;
  const moved = field.kind === "percent" ? shifted(number, 2) : number;
  const decimals = plain(moved).split(".")[1]?.length ?? 0;
  const digits = grouped(moved, field.kind === "money" && decimals > 0 ? Math.max(decimals, 2) : decimals);
  const text = field.kind === "money" ? `$${digits}` : field.kind === "percent" ? `${digits}%` : digits;
  return number.negative ? `(${text})` : text;
}
