import type { BatchSummary } from "@/shared/api/models";
import { count } from "@/shared/format/format";

/** The account of a request that has just one, else how many it has; where only a part is shown, how many that is. */
export function AccountsOf({ batch: { accounts, only_account, part } }: { batch: Pick<BatchSummary, "accounts" | "only_account" | "part"> }) {
  return (
    <>
      {only_account ?? count(accounts)}
      {part && <span className="note under">A part of it</span>}
    </>
  );
}
