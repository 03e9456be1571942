import { createContext, useContext } from "react";

import type { Me } from "@/shared/api/models";
import { ROLES } from "@/shared/api/rules";

export const SessionContext = createContext<Me | null>(null);

/** The signed-in user; only below the sign-in gate. */
export function useMe(): Me {
  const me = useContext(SessionContext);
  if (!me) throw new Error("useMe is used outside the sign-in gate");
  return me;
}

/** What a page offers, each with an operation whose roles hold for all of it. */
const OPERATIONS = {
  trade: "propose_batch",
  approve: "approve_batch",
  cancel: "cancel_batch",
  operate: "upload_file",
  history: "check_history",
} as const satisfies Record<string, keyof typeof ROLES>;

export type Action = keyof typeof OPERATIONS;

/** Why this user may not do it, or null. The server decides; this only explains beforehand. */
export function denied(me: Pick<Me, "roles">, action: Action): string | null {
  const needed: readonly string[] = ROLES[OPERATIONS[action]];
  if (needed.some((role) => me.roles.includes(role))) return null;
  return `Only for the role ${needed.join(" or ")}.`;
}
