/** Exact decimals: money, quantities and weights arrive as text and never become binary floating point. */

export interface Scaled {
  negative: boolean;
  /** Absolute value times ten to the `places`. */
  units: bigint;
  places: number;
}

const PLAIN = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Read plain decimal text such as "-12.50"; null when it is none. */
export function scaled(text: string): Scaled | null {
  const match = PLAIN.exec(text);
  if (!match) return null;
  const [, sign, whole = "", part = ""] = match;
  const units = BigInt(whole + part);
  return { negative: sign === "-" && units !== 0n, units, places: part.length };
}

/** Bring to so many places, half away from zero. A value that becomes zero loses its sign. */
export function rounded(value: Scaled, places: number): Scaled {
  if (places >= value.places) {
    return { ...value, units: value.units * 10n ** BigInt(places - value.places), places };
  }
  const step = 10n ** BigInt(value.places - places);
  const units = (value.units + step / 2n) / step;
  return { negative: value.negative && units !== 0n, units, places };
}

/** Write as plain text without trailing zeros: the form the server reads. */
export function plain({ negative, units, places }: Scaled): string {
  const digits = units.toString().padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const part = digits.slice(digits.length - places).replace(/0+$/, "");
  return (negative ? "-" : "") + whole + (part ? `.${part}` : "");
}

/** Move the decimal point: shifted("12.5", -2) is "0.125". */
export function shifted(value: Scaled, by: number): Scaled {
  const places = value.places - by;
  return places >= 0 ? { ...value, places } : { ...value, units: value.units * 10n ** BigInt(-places), places: 0 };
}

/** -1, 0 or 1, exactly. */
export function compare(left: Scaled, right: Scaled): number {
  const places = Math.max(left.places, right.places);
  const signed = (value: Scaled) => {
    const { units, negative } = rounded(value, places);
    return negative ? -units : units;
  };
  const difference = signed(left) - signed(right);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

const GROUPS = new Intl.NumberFormat("en-US");

/** Digits with thousands separated and exactly `places` decimals; no sign. */
export function grouped(value: Scaled, places: number): string {
  const { units } = rounded(value, places);
  const digits = units.toString().padStart(places + 1, "0");
  const whole = GROUPS.format(BigInt(digits.slice(0, digits.length - places)));
  return places === 0 ? whole : `${whole}.${digits.slice(digits.length - places)}`;
}
