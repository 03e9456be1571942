/** What the interface repeats of the API document (roles of commands, filter fields) agrees with it. */
import { describe, expect, it } from "vitest";

import { HISTORY_FIELDS } from "@/features/batches/list/historyFields";
import { REQUEST_FIELDS } from "@/features/batches/request/fields";
import { QUEUE_FIELDS } from "@/features/queue/fields";
import type { Field, Kind } from "@/shared/filters/clause";
import { denied, type Action } from "@/shared/session/session";

import text from "../../openapi.json?raw";

interface Operation {
  operationId: string;
  "x-roles": string[];
  parameters?: { name: string; schema: { "x-fields"?: Record<string, string> } }[];
}

const paths = (JSON.parse(text) as { paths: Record<string, Record<string, Operation>> }).paths;
const operation = (id: string): Operation => {
  const found = Object.values(paths).flatMap((methods) => Object.values(methods)).find((operation) => operation.operationId === id);
  if (!found) throw new Error(id);
  return found;
};
const everyRole = operation("get_me")["x-roles"];

describe("the API document", () => {
  it.each<[Action, string]>([
    ["trade", "propose_batch"],
    ["trade", "remove_accounts"],
    ["trade", "switch_logic"],
    ["trade", "repropose_accounts"],
    ["trade", "undo_removal"],
    ["approve", "approve_batch"],
    ["approve", "approve_rest"],
    ["history", "check_history"],
    ["cancel", "cancel_batch"],
    ["operate", "upload_file"],
    ["operate", "start_run"],
  ])("lets the same roles %s as the page (%s)", (action, id) => {
    const allowed = everyRole.filter((role) => denied({ roles: [role] }, action) === null);
    expect(allowed.sort()).toEqual([...operation(id)["x-roles"]].sort());
  });

  it.each<[string, readonly Field[]]>([
    ["list_queue", QUEUE_FIELDS],
    ["count_tiles", QUEUE_FIELDS],
    ["list_batch_accounts", REQUEST_FIELDS],
    ["list_batches", HISTORY_FIELDS],
  ])("knows every filter field of the page for %s, as a number of the same kind", (id, fields) => {
    const known = operation(id).parameters?.find((parameter) => parameter.name === "f")?.schema["x-fields"] ?? {};
    const written: Partial<Record<Kind, string>> = { money: "dollars", percent: "fraction", count: "count", day: "day" };
    const shown = fields.map((field) => [field.id, written[field.kind] ?? "text"]);
    expect(shown).toEqual(fields.map((field) => [field.id, known[field.id]]));
  });
});
