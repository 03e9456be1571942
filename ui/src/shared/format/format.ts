/** Everything that is written on a screen as a number or a date. Negatives stand in parentheses, written by us. */
import { compare, grouped, plain, rounded, scaled, shifted, type Scaled } from "@/shared/format/decimal";

export const MISSING = "–";

/** Dollars: whole in lists, cents where every cent counts. "$0" is zero; a missing value is a dash. */
export function usd(text: string | null | undefined, cents = false): string {
  const decimals = cents ? 2 : 0;
  return written(text, (value) => signed(rounded(value, decimals), `$${grouped(value, decimals)}`));
}

/** A fraction of account value as percent: "0.125" is "12.5%". */
export function percent(text: string | null | undefined, decimals = 1): string {
  return written(text, (value) => {
    const moved = shifted(value, 2);
    return signed(rounded(moved, decimals), `${grouped(moved, decimals)}%`);
  });
}

/** Units of a security with the decimals they have. */
export function quantity(text: string | null | undefined): string {
  return written(text, (value) => {
    const decimals = plain(value).split(".")[1]?.length ?? 0;
    return signed(value, grouped(value, decimals));
  });
}

/** A price with at least cents and at most what it has. */
export function price(text: string | null | undefined): string {
  return written(text, (value) => {
    const decimals = Math.max(2, plain(value).split(".")[1]?.length ?? 0);
    return signed(value, `$${grouped(value, decimals)}`);
  });
}

const INTEGERS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? MISSING : INTEGERS.format(value);
}

/** "1 account", "2,318 accounts". */
export function plural(value: number, singular: string, many = `${singular}s`): string {
  return `${count(value)} ${value === 1 ? singular : many}`;
}

/** -1, 0 or 1; a missing value is 0. */
export function sign(text: string | null | undefined): number {
  const value = text === null || text === undefined ? null : scaled(text);
  return value === null ? 0 : compare(value, { negative: false, units: 0n, decimals: 0 });
}

/** Percent of the width of a bar, for drawing only. */
export function share(text: string | null | undefined): number {
  const value = Number(text ?? 0);
  return Number.isFinite(value) ? Math.min(Math.max(value * 100, 0), 100) : 0;
}

const DAY = new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeZone: "UTC" });
const INSTANT = new Intl.DateTimeFormat("en-US", {
  month: "short",
  day: "numeric",
  year: "numeric",
  hour: "numeric",
  minute: "2-digit",
  timeZone: "America/New_York",
  timeZoneName: "short",
});

/** A calendar day: "2026-11-20" is "Nov 20, 2026" everywhere. */
export function day(text: string | null | undefined): string {
  return text ? DAY.format(new Date(`${text}T00:00:00Z`)) : MISSING;
}

/** An instant in the exchange's time, with its zone. */
export function instant(text: string | null | undefined): string {
  return text ? INSTANT.format(new Date(text)) : MISSING;
}

const NEW_YORK = "America/New_York";
const DAY_THERE = new Intl.DateTimeFormat("en-US", { month: "short", day: "numeric", timeZone: NEW_YORK });
const TIME_THERE = new Intl.DateTimeFormat("en-US", { hour: "numeric", minute: "2-digit", timeZone: NEW_YORK, timeZoneName: "short" });

/** A coming instant in the exchange's time: its time of day, and its day where that is not the day of `now`. */
export function until(text: string, now: number): string {
  const [at, today] = [DAY_THERE.format(Date.parse(text)), DAY_THERE.format(now)];
  return (at === today ? "" : `${at}, `) + TIME_THERE.format(Date.parse(text));
}

const MINUTE_MS = 60_000;

/** How long it is until an instant, never more than it is: "7 h left", "3 d left", "12 min left". */
export function timeLeft(text: string, now: number): string {
  const minutes = Math.floor((Date.parse(text) - now) / MINUTE_MS);
  if (minutes < 0) return "time is up";
  if (minutes < 1) return "less than a minute left";
  if (minutes < 60) return `${minutes} min left`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h left` : `${Math.floor(minutes / (24 * 60))} d left`;
}

const CLOCK = new Intl.DateTimeFormat("en-US", { hour: "numeric", minute: "2-digit", timeZoneName: "short" });

/** The time of day on the user's own clock, with its zone. */
export function clock(ms: number): string {
  return CLOCK.format(ms);
}

function written(text: string | null | undefined, write: (value: Scaled) => string): string {
  const value = text === null || text === undefined ? null : scaled(text);
  return value === null ? MISSING : write(value);
}

function signed(value: Scaled, text: string): string {
  return value.negative ? `(${text})` : text;
}
