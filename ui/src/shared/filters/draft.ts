/** A filter that is being entered: it outlives the editor, so that nothing typed is lost when that is closed. */
import { editable, entered, isNumber, write, type Clause, type Field, type Kind, type Op } from "@/shared/filters/clause";

export interface Draft {
  field: string;
  op: Op;
  /** The number or day that is being typed. */
  text: string;
  /** Texts that were chosen, and the one that is being typed. */
  values: readonly string[];
  typed: string;
}

export const HINTS: Readonly<Record<Kind, string>> = {
  money: "In dollars: 12,500 or 12.5k, a loss as (300); to the cent as 12,500.00",
  percent: "In percent: 5 or 7.5%",
  count: "A whole number",
  day: "Year, month and day",
  choice: "",
  text: "Capitals do not matter. Enter adds another value",
};

/** The draft of a clause, or of a new filter on the first field. */
export function draftOf(fields: readonly Field[], clause?: Clause): Draft {
  const field = fields.find(({ id }) => id === (clause?.field ?? fields[0]?.id));
  const isText = clause?.op === "in";
  return {
    field: field?.id ?? "",
    op: clause && !isText ? clause.op : "gte",
    text: clause && field && !isText ? (isNumber(field) ? editable(clause.values[0] ?? "", field) : (clause.values[0] ?? "")) : "",
    values: clause && isText ? clause.values : [],
    typed: "",
  };
}

/** The clause that a draft says, or what is wrong with it. */
export function read(draft: Draft, field: Field): Clause | string {
  if (field.kind === "choice" || field.kind === "text") {
    const typed = draft.typed.trim();
    const values = typed && field.kind === "text" ? [...new Set([...draft.values, typed])] : draft.values;
    const barred = values.find((value) => value.includes("|") || value.length > 64);
    if (barred !== undefined) return "A value has at most 64 letters and no | in it.";
    return values.length > 0 ? { field: field.id, op: "in", values } : "Choose at least one value.";
  }
  const value = entered(draft.text, field.kind);
  return value === null ? `This cannot be read. ${HINTS[field.kind]}.` : { field: field.id, op: draft.op === "in" ? "gte" : draft.op, values: [value] };
}

/** Whether both are the same filter, or both none. */
export const isSameClause = (left: Clause | undefined, right: Clause | undefined): boolean => (left && write(left)) === (right && write(right));
