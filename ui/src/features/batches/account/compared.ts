/** What another logic would change, in a sentence. */
import type { Proposal } from "@/shared/api/models";
import { minus, plain, scaled } from "@/shared/format/decimal";
import { percent, plural, sign, usd } from "@/shared/format/format";
import { logicNames } from "@/shared/format/names";

/** The other logic could not propose for this account. */
export const hasFailed = ({ trades, no_trade_reason, row }: Proposal): boolean => trades.length === 0 && no_trade_reason === null && row.result !== "";

/** "Min Transaction realises $8,337.00 less, sends 3 orders fewer and leaves 0.4% drift instead of 0.1%." */
export function compared(other: Proposal, inForce: Proposal): string {
  const name = logicNames[other.logic];
  if (hasFailed(other)) return `${name} could not propose for this account: ${other.row.result}`;
  if (hasFailed(inForce)) return `${name} could propose: it ${realised(other.row.estimated)} and leaves ${drift(other)}.`;
  const phrases = [gains(other, inForce), orders(other.orders.length - inForce.orders.length), drifts(other, inForce)].filter(Boolean);
  return `${name} ${phrases.slice(0, -1).join(", ")}${phrases.length > 1 ? " and " : ""}${phrases.at(-1) ?? ""}.`;
}

function gains(other: Proposal, inForce: Proposal): string {
  const isPart = [other, inForce].some(({ row }) => sign(row.no_basis_proceeds) !== 0);
  const of = isPart ? " of what is known" : "";
  const [theirs, ours] = [other.row.estimated, inForce.row.estimated].map((text) => (text === null ? null : scaled(text)));
  if (!theirs || !ours) return "realises a gain that is not known";
  const difference = minus(theirs, ours);
  if (difference.units === 0n) return `realises the same${of}`;
  return `realises ${usd(plain({ ...difference, negative: false }), true)} ${difference.negative ? "less" : "more"}${of}`;
}

function realised(estimated: string | null): string {
  return estimated === null ? "realises a gain that is not known" : `realises ${usd(estimated, true)}`;
}

function orders(more: number): string {
  return more === 0 ? "" : `sends ${plural(Math.abs(more), "order")} ${more < 0 ? "fewer" : "more"}`;
}

const drift = ({ drift_after }: Proposal): string => (drift_after === null ? "a drift that is not measured" : `${percent(drift_after)} drift`);

function drifts(other: Proposal, inForce: Proposal): string {
  if (other.drift_after === null || inForce.drift_after === null) return "";
  const [theirs, ours] = [percent(other.drift_after), percent(inForce.drift_after)];
  return theirs === ours ? `leaves the same drift, ${ours}` : `leaves ${theirs} drift instead of ${ours}`;
}
