import type { BatchPage } from "@/shared/api/models";
import type { ExportList } from "@/shared/export/ExportMenu";
import type { List } from "@/shared/state/useList";

/**
 * What can be taken out of a request: its accounts, and their orders unless it was decided against them.
 * isOwn: the page is of the filter that is chosen now, so that its numbers hold.
 */
export function exportsOf({ batch, total, filtered }: Pick<BatchPage, "batch" | "total" | "filtered">, isOwn: boolean, { filter, search }: Pick<List, "filter" | "search">): ExportList[] {
  const query = { f: filter.f, q: filter.q, sort: search.sort };
  const of = (what: string) => `/exports/batches/${batch.batch_id}/${what}`;
  const accounts = { title: "Accounts", row: "account", path: of("accounts"), query, rows: isOwn ? total : null };
  if (batch.status === "CANCELLED" || batch.status === "FAILED") return [accounts];
  return [accounts, { title: "Trades", row: "order", path: of("trades"), query, rows: isOwn ? filtered.buys + filtered.sells : null }];
}
