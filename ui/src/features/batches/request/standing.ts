import type { BatchSummary } from "@/shared/api/models";
import { count, plural } from "@/shared/format/format";

/** How the accounts stand, in one line: "294 to approve, 82 removed, 1 failed". They add up to the accounts of the request. */
export function standing({ counts, accounts }: Pick<BatchSummary, "counts" | "accounts">): string {
  const counted = [
    [counts.working, "in work"],
    [counts.proposed, "to approve"],
    [counts.approved, "approved"],
    [counts.cancelled, "not traded"],
    [counts.removed, "removed"],
    [counts.failed, "failed"],
  ] as const;
  const some = counted.filter(([number]) => number > 0).map(([number, what]) => `${count(number)} ${what}`);
  return some.length === 0 ? plural(accounts, "account") : some.join(", ");
}
