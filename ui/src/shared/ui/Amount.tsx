import { VisuallyHidden } from "@mantine/core";

import { MISSING, sign, usd } from "@/shared/format/format";

interface Props {
  value: string | null | undefined;
  cents?: boolean;
  /** Gains and losses: coloured, and said in a word for readers. */
  isGain?: boolean;
  /** What a dash means here. */
  missing?: string;
}

/** Dollars; negatives in parentheses; a missing value is a dash that says why. */
export function Amount({ value, cents = false, isGain = false, missing = "not known" }: Props) {
  const text = usd(value, cents);
  if (text === MISSING) {
    return (
      <span title={missing}>
        <span aria-hidden="true">{MISSING}</span>
        <VisuallyHidden>{missing}</VisuallyHidden>
      </span>
    );
  }
  const direction = isGain ? sign(value) : 0;
  return (
    <span className="amount" data-sign={direction}>
      {text}
      {direction !== 0 && <VisuallyHidden> {direction < 0 ? "loss" : "gain"}</VisuallyHidden>}
    </span>
  );
}

interface GainProps {
  value: string | null | undefined;
  /** Proceeds of sells whose cost is not known: no part of the gain. */
  noBasis?: string | null;
  cents?: boolean;
  /** What no gain at all means here. */
  missing?: string;
}

/** An estimated gain: what is known of it, and the proceeds without cost basis beside it, never as $0. */
export function Gain({ value, noBasis, cents = false, missing = "nothing sold" }: GainProps) {
  const hasNoBasis = sign(noBasis) !== 0;
  if (hasNoBasis && (value === null || value === undefined || sign(value) === 0)) {
    return (
      <span title={`no cost basis for ${usd(noBasis, true)} of proceeds`}>
        <span aria-hidden="true">{MISSING}</span> <span className="note">no cost basis</span>
      </span>
    );
  }
  return (
    <>
      <Amount value={value} isGain cents={cents} missing={missing} />
      {hasNoBasis && <span className="note"> + {usd(noBasis, cents)} without cost basis</span>}
    </>
  );
}
