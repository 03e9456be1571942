/** When a request can be decided or changed, and the reason when it cannot. The server has the last word. */
import type { BatchAccountRow, BatchSummary, Me } from "@/shared/api/models";
import { count, plural } from "@/shared/format/format";
import { statusNames } from "@/shared/format/names";
import { denied } from "@/shared/session/session";

export type Decision = "approve" | "cancel";

/** Why the request cannot be approved or cancelled now, or null. Source: product 6. */
export function decisionBarred(batch: BatchSummary, me: Pick<Me, "roles">, decision: Decision): string | null {
  const { proposed, stale, working } = batch.counts;
  if (batch.status === "WORKING") return `Working: ${count(batch.accounts - working)} of ${count(batch.accounts)} accounts are done.`;
  if (batch.status !== "PENDING_APPROVAL") return `This request is ${statusNames[batch.status].toLowerCase()}.`;
  if (batch.part) return batch.part.barred;
  const byRole = denied(me, decision);
  if (byRole) return byRole;
  if (decision === "approve" && batch.rules?.barred) return batch.rules.barred;
  if (decision === "approve" && stale > 0) return `${plural(stale, "account is", "accounts are")} stale: remove or propose again first.`;
  return decision === "approve" && proposed === 0 ? "No account is left to approve." : null;
}

/** Why some accounts cannot be removed and the other `rest` approved in one step now, or null. */
export function restBarred(batch: BatchSummary, me: Pick<Me, "roles">, rest: number): string | null {
  const byState = changeBarred(batch, me) ?? denied(me, "approve") ?? batch.rules?.barred ?? null;
  return byState ?? (rest < 1 ? "No account would be left to approve." : null);
}

/** Whether a decision on the request needs a note. */
export function needsNote(batch: BatchSummary): boolean {
  return batch.rules?.note_required === true;
}

/** Why the request cannot be changed (removal, logic, proposing again) now, or null. */
export function changeBarred(batch: BatchSummary, me: Pick<Me, "roles">): string | null {
  if (batch.status === "WORKING") return "Wait until all accounts are proposed.";
  if (batch.status === "PENDING_APPROVAL" && batch.part) return batch.part.barred;
  return batch.status === "PENDING_APPROVAL" ? denied(me, "trade") : `This request is ${statusNames[batch.status].toLowerCase()}.`;
}

/** Why an account of a request cannot be selected, or null. */
export function rowBarred(batch: BatchSummary, row: BatchAccountRow): string | null {
  if (row.state === "FAILED") return "Failed: it already left the request.";
  if (row.state === "REMOVED") return "Removed: it is back in the queue.";
  if (batch.status !== "PENDING_APPROVAL") return batch.status === "WORKING" ? "Wait until all accounts are proposed." : "This request is decided.";
  return row.state === "PROPOSED" ? null : "Not proposed yet.";
}
