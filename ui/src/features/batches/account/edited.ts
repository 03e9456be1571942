/** The orders of an account as proposed and as a person made them. */
import type { EditBody, EditView, OrderView } from "@/shared/api/models";
import { compare, plain, scaled } from "@/shared/format/decimal";

/** An order with what was proposed for it; edited to nothing, it has no order any more. */
export interface OrderLine {
  security_id: string;
  side: OrderView["side"];
  proposed: string;
  quantity: string;
  order: OrderView | null;
}

/** What a person has typed and not saved: quantities by security, and why. */
export interface Draft {
  of: string;
  quantities: Readonly<Record<string, string>>;
  note: string;
}

/** The orders in force, with what was proposed, and those that were edited to nothing. */
export function linesOf(orders: readonly OrderView[], edit: EditView | null): OrderLine[] {
  const proposed = new Map(edit?.orders.map((order) => [order.security_id, order]));
  const lines = orders.map((order) => ({ ...sides(order), proposed: proposed.get(order.security_id)?.proposed ?? order.quantity, quantity: order.quantity, order }));
  const gone = [...proposed.values()].filter(({ security_id }) => !orders.some((order) => order.security_id === security_id));
  return [...lines, ...gone.map((order) => ({ ...sides(order), proposed: order.proposed, quantity: "0", order: null }))];
}

const sides = ({ security_id, side }: Pick<OrderLine, "security_id" | "side">) => ({ security_id, side });

/** Why what was typed is no quantity, or null. */
export function fault(text: string): string | null {
  const value = scaled(text.trim().replaceAll(",", ""));
  if (!value || value.negative) return "Type a number of units, 0 for no trade.";
  return value.decimals > 6 ? "At most six decimals." : null;
}

export const isSame = (left: string, right: string): boolean => {
  const [first, second] = [left, right].map((text) => scaled(text.trim().replaceAll(",", "")));
  return first !== undefined && second !== undefined && first !== null && second !== null && compare(first, second) === 0;
};

/** The quantity with one unit more or less, never below none. */
export function stepped(text: string, by: 1 | -1): string {
  const value = scaled(text.trim().replaceAll(",", ""));
  if (!value || value.negative) return text;
  const unit = 10n ** BigInt(value.decimals);
  const units = by === 1 ? value.units + unit : value.units > unit ? value.units - unit : 0n;
  return plain({ ...value, units });
}

/** The command's body: every order of which another quantity than the proposed one was typed, or all where none was. */
export function bodyOf(lines: readonly OrderLine[], { quantities, note }: Draft): EditBody {
  const typed = lines.map((line) => ({ security_id: line.security_id, proposed: line.proposed, quantity: (quantities[line.security_id] ?? line.quantity).trim().replaceAll(",", "") }));
  const changed = typed.filter(({ proposed, quantity }) => !isSame(proposed, quantity));
  return { note: note.trim(), trades: (changed.length > 0 ? changed : typed).map(({ security_id, quantity }) => ({ security_id, quantity })) };
}
