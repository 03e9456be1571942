/** What the last evaluation of an account looked at, and what it did not: an account that was not looked at is never said to be in its bands. */
import type { AccountView } from "@/shared/api/models";

type State = Pick<AccountView, "state" | "tiles">;

/** Its weights were compared with its bands. */
export const isEvaluated = ({ state }: Pick<AccountView, "state">): boolean => state === "CLEAR" || state === "FLAGGED";

/** What was and was not evaluated, in a sentence. */
export function evaluated({ state }: Pick<AccountView, "state">): string {
  switch (state) {
    case "CLEAR":
    case "FLAGGED":
      return "Cash and every position that is traded were compared with their bands, on targets after substitution. What is locked or excluded is not compared; what may not flag is listed below, but raises no flag.";
    case "NO_TARGET":
      return "It was valued, but has no target: neither its cash nor its positions were compared with a band.";
    case "HELD":
      return "Not evaluated: it is on hold. Neither its cash nor its positions were compared with their bands, so nothing is known of what is outside them.";
    case "SETTLING":
      return "Not evaluated: its orders were sent and the custodian's file with the fills is not here yet. What is held now is not known, so nothing was compared with a band.";
    case "OFF":
      return "Not evaluated: the rebalancer is off for this account, so nothing was compared with a band.";
  }
}

/** Why the list of reasons is empty. */
export function noReason(account: State): string {
  if (account.state === "NO_TARGET") return "It has no target: without one, rebalancing would sell everything it holds.";
  if (!isEvaluated(account)) return "Not evaluated, so there is no reason to show.";
  if (account.tiles.includes("FIRST_REBALANCE")) return "It has not been rebalanced since the rebalancer was turned on; nothing that may flag is outside its band.";
  return "Nothing is outside its band.";
}
