/** Exact decimals: money, quantities and weights arrive as text and never become binary floating point. */

export interface Scaled {
  negative: boolean;
  /** Absolute value times ten to the `decimals`. */
  units: bigint;
  decimals: number;
}

const PLAIN = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Read plain decimal text such as "-12.50"; null when it is none. */
export function scaled(text: string): Scaled | null {
  const match = PLAIN.exec(text);
  if (!match) return null;
  const [, sign, whole = "", part = ""] = match;
  const units = BigInt(whole + part);
  return { negative: sign === "-" && units !== 0n, units, decimals: part.length };
}

/** Round to so many decimals, half away from zero. A value that becomes zero loses its sign. */
export function rounded(value: Scaled, decimals: number): Scaled {
  if (decimals >= value.decimals) {
    return { ...value, units: value.units * 10n ** BigInt(decimals - value.decimals), decimals };
  }
  const step = 10n ** BigInt(value.decimals - decimals);
  const units = (value.units + step / 2n) / step;
  return { negative: value.negative && units !== 0n, units, decimals };
}

/** Write as plain text without trailing zeros: the form the server reads. */
export function plain({ negative, units, decimals }: Scaled): string {
  const digits = units.toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const part = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return (negative ? "-" : "") + whole + (part ? `.${part}` : "");
}

/** Move the decimal point: shifted("12.5", -2) is "0.125". */
export function shifted(value: Scaled, by: number): Scaled {
  const decimals = value.decimals - by;
  return decimals >= 0 ? { ...value, decimals } : { ...value, units: value.units * 10n ** BigInt(-decimals), decimals: 0 };
}

/** -1, 0 or 1, exactly. */
export function compare(left: Scaled, right: Scaled): number {
  const decimals = Math.max(left.decimals, right.decimals);
  const signed = (value: Scaled) => {
    const { units, negative } = rounded(value, decimals);
    return negative ? -units : units;
  };
  const difference = signed(left) - signed(right);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** left - right, exactly. */
export function minus(left: Scaled, right: Scaled): Scaled {
  const decimals = Math.max(left.decimals, right.decimals);
  const [from, of] = [left, right].map((value) => (value.negative ? -1n : 1n) * rounded(value, decimals).units) as [bigint, bigint];
  const units = from - of;
  return { negative: units < 0n, units: units < 0n ? -units : units, decimals };
}

const GROUPS = new Intl.NumberFormat("en-US");

/** Digits with thousands separated and exactly so many decimals; no sign. */
export function grouped(value: Scaled, decimals: number): string {
  const { units } = rounded(value, decimals);
  const digits = units.toString().padStart(decimals + 1, "0");
  const whole = GROUPS.format(BigInt(digits.slice(0, digits.length - decimals)));
  return decimals === 0 ? whole : `${whole}.${digits.slice(digits.length - decimals)}`;
}
