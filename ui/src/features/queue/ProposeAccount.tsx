import { ProposeButton } from "@/features/queue/ProposeButton";
import type { AccountView } from "@/shared/api/models";

/** Make a request of one account from its own page, or say why that is not possible. */
export function ProposeAccount({ account }: { account: AccountView }) {
  return (
    <ProposeButton selection={{ kind: "ids", ids: new Set([account.account_id]) }} selected={1} barred={notProposable(account)} onProposed={() => undefined}>
      Propose trades
    </ProposeButton>
  );
}

/** Why no trades can be proposed for an account now, or null. Source: product 3, 6. */
export function notProposable({ state, open_batch, hold_text }: Pick<AccountView, "state" | "open_batch" | "hold_text">): string | null {
  if (open_batch !== null) return `It is in request ${open_batch}: an account is in one open request at a time.`;
  switch (state) {
    case "FLAGGED":
    case "NO_TARGET":
      return null;
    case "HELD":
      return `It is on hold${hold_text ? `: ${hold_text}` : "."} Trades are proposed again once a good file has come.`;
    case "SETTLING":
      return "Its orders were sent: trades are proposed again once the custodian's file with the fills has come.";
    case "OFF":
      return "The rebalancer is off for this account.";
    case "CLEAR":
      return "It needs no rebalancing: cash and positions that may flag are inside their bands.";
  }
}
