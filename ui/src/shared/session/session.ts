import { createContext, useContext } from "react";

import type { Me } from "@/shared/api/models";

export const SessionContext = createContext<Me | null>(null);

/** The signed-in user; only below the sign-in gate. */
export function useMe(): Me {
  const me = useContext(SessionContext);
  if (!me) throw new Error("useMe is used outside the sign-in gate");
  return me;
}

export type Action = "trade" | "approve" | "cancel" | "operate";

const NEEDED: Readonly<Record<Action, readonly string[]>> = {
  trade: ["trader"],
  approve: ["approver"],
  cancel: ["approver", "trader"],
  operate: ["operator"],
};

/** Why this user may not do it, or null. The server decides; this only explains beforehand. */
export function denied(me: Pick<Me, "roles">, action: Action): string | null {
  const needed = NEEDED[action];
  if (needed.some((role) => me.roles.includes(role))) return null;
  return `Only for the role ${needed.join(" or ")}.`;
}
