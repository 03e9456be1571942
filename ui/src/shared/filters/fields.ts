/** Filter fields of a page: the server says how values are written, the page gives labels and choices. */
import type { Field, Kind } from "./clause";

const KINDS = { dollars: "money", fraction: "percent", count: "count", day: "day", text: "text" } as const satisfies Record<string, Kind>;

/** Makes fields of the list whose fields are written so; another id is a type error. */
export function fieldsOf<Id extends string>(written: Readonly<Record<Id, keyof typeof KINDS>>) {
  return (id: Id, label: string, choices?: NonNullable<Field["choices"]>): Field =>
    choices ? { id, label, kind: "choice", choices } : { id, label, kind: KINDS[written[id]] };
}
