/** Saved views name columns and orders of the lists: the server takes these forms only. */
import { expect, it } from "vitest";

import { requestColumns } from "@/features/batches/request/columns";
import { QUEUE_COLUMNS } from "@/features/queue/columns";

const FORM = /^[a-z0-9_]{1,40}$/;

it.each([
  ["queue", QUEUE_COLUMNS.map(({ id, sort }) => [id, sort])],
  ["open request", requestColumns("open").map(({ id, sort }) => [id, sort])],
  ["completed request", requestColumns("history").map(({ id, sort }) => [id, sort])],
])("every column of the %s can stand in a saved view", (_, columns) => {
  expect(columns.flat().filter((name) => name !== undefined && !FORM.test(name))).toEqual([]);
});
