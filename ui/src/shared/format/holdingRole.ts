import type { AccountPosition } from "@/shared/api/models";

export type HoldingRole = AccountPosition["role"];

/** Why a position is treated otherwise than those that are traded, in plain words. */
export const ROLES: Record<HoldingRole, string> = {
  MANAGED: "Traded",
  LOCKED: "Locked: counts in the account's value, is never traded",
  EXCLUDED: "Excluded: not in the account's value, never traded",
  CASH_EQUIVALENT: "Counts as cash, is never traded",
};

export const isManaged = ({ role }: { role: HoldingRole }): boolean => role === "MANAGED";
