/** The product's words for the server's codes. */
import type { BatchAccountRow, BatchSummary, ExecutionView, FileView, Logic, QueueRow, SliceView, Tile, TradeView } from "@/shared/api/models";

export const TILES: readonly Tile[] = ["FIRST_REBALANCE", "HIGH_CASH", "LOW_CASH", "POSITION_DRIFT"];

export const tileNames: Readonly<Record<Tile, string>> = {
  FIRST_REBALANCE: "First Rebalance",
  HIGH_CASH: "High Cash",
  LOW_CASH: "Low Cash",
  POSITION_DRIFT: "Outside Tolerance",
};

export const sourceNames: Readonly<Record<NonNullable<QueueRow["source"]>, string>> = {
  REBALANCER_ON: "Rebalancer On",
  TARGET_UPDATE: "Target Update",
  DRIFT_ANALYSIS: "Drift Analysis",
};

export const stateNames: Readonly<Record<QueueRow["state"], string>> = {
  OFF: "Rebalancer off",
  CLEAR: "In tolerance",
  FLAGGED: "Needs rebalancing",
  HELD: "Data hold",
  SETTLING: "Orders sent, settling",
  NO_TARGET: "No target",
};

/** What a trade logic does, in a sentence. */
export const logicSentences: Readonly<Record<Logic, string>> = {
  BEST_FIT: "Best Fit trades as close to target as it can.",
  MIN_TRANSACTION: "Min Transaction trades only what brings positions and cash back inside their bands.",
  TAX_AWARE: "Tax Aware trades as near to target as each account's gain limits allow; without limits it trades like Best Fit.",
};

export const logicNames: Readonly<Record<Logic, string>> = {
  BEST_FIT: "Best Fit",
  MIN_TRANSACTION: "Min Transaction",
  TAX_AWARE: "Tax Aware",
};

export const statusNames: Readonly<Record<BatchSummary["status"], string>> = {
  WORKING: "Working",
  PENDING_APPROVAL: "Pending Approval",
  APPROVED: "Approved",
  CANCELLED: "Cancelled",
  FAILED: "Failed",
};

const reasons: Readonly<Record<string, string>> = {
  END_OF_DAY: "at the end of the day",
  ALL_REMOVED: "all accounts were removed",
  ALL_FAILED: "all accounts failed",
};

/** Why a batch ended, in words, with the name of the person who ended it; nothing when it simply was approved. */
export function endedBy({ reason, decided_by }: Pick<BatchSummary, "reason" | "decided_by">): string {
  if (reason === null) return "";
  return reasons[reason] ?? (decided_by === null ? "" : `by ${decided_by}`);
}

export const lotMethodNames: Readonly<Record<string, string>> = {
  FIFO: "First in, first out",
  LIFO: "Last in, first out",
  HIFO: "Highest cost first",
  LOFO: "Lowest cost first",
  MIN_TAX: "Least tax first",
  AVERAGE: "Average cost",
  SPECIFIC: "Picked lots first",
};

export const accountStates: Readonly<Record<BatchAccountRow["state"], string>> = {
  WORKING: "Working",
  PROPOSED: "Proposed",
  FAILED: "Failed",
  REMOVED: "Removed",
  APPROVED: "Complete",
  CANCELLED: "Cancelled",
};

export const executionNames: Readonly<Record<NonNullable<ExecutionView["status"]>, string>> = {
  ACCEPTED: "Accepted",
  PARTIALLY_FILLED: "Partially filled",
  FILLED: "Filled",
  REJECTED: "Rejected",
};

export const sideNames: Readonly<Record<TradeView["side"], string>> = { BUY: "Buy", SELL: "Sell" };

export const termNames: Readonly<Record<SliceView["term"], string>> = { SHORT: "Short", LONG: "Long", UNKNOWN: "Unknown" };

export const boughtNames: Readonly<Record<SliceView["washes"][number]["source"], string>> = {
  LOT: "reported lot",
  APPROVED: "approved buy",
  PROPOSED: "buy of this request",
};

export const reasonNames: Readonly<Record<TradeView["reason"], string>> = {
  FULL_EXIT: "Full exit",
  TO_TARGET: "To target",
  TO_EDGE: "To edge of band",
  RAISE_CASH: "Raise cash",
  PLACE_CASH: "Place cash",
  NETTED: "Netted between sleeves",
  SUBSTITUTE: "Substitute",
};

export const fileStatusNames: Readonly<Record<FileView["status"], string>> = {
  LOADING: "Loading",
  LOADED: "Loaded, publishing",
  PUBLISHED: "Taken in",
  REFUSED: "Refused",
  DUPLICATE: "Duplicate",
};
