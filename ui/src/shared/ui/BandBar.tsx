import { percent, share } from "@/shared/format/format";

interface Props {
  weight: string | null;
  /** The weight before the trades, where they move it. */
  before?: string;
  target: string | null;
  low: string | null;
  high: string | null;
  what: string;
}

const ROOM = 1.25;

/** A weight (dot), and the one before (ring), against target and tolerance band; the figures stand beside it, the drawing only repeats them. */
export function BandBar({ weight, before, target, low, high, what }: Props) {
  if (weight === null) return null;
  const scale = 100 / Math.max(ROOM * share(weight), ROOM * share(high), ROOM * share(before ?? weight), 1);
  const at = (value: string | null) => `${(share(value) * scale).toFixed(2)}%`;
  const width = `${(Math.max(share(high) - share(low), 0.4) * scale).toFixed(2)}%`;
  const isOut = share(weight) > share(high) || share(weight) < share(low);
  const label = `${what} ${before === undefined ? "" : `from ${percent(before)} to `}${percent(weight)}, target ${percent(target)}, band ${percent(low)} to ${percent(high)}`;
  return (
    <svg className={before === undefined ? "band-bar" : "band-bar weight-move"} role="img" aria-label={label} data-out={isOut} width={before === undefined ? "72" : "96"} height="12">
      <title>{label}</title>
      <rect className="band-track" x="0" y="5" width="100%" height="2" rx="1" />
      <rect className="band-range" x={at(low)} y="2" width={width} height="8" rx="2" />
      <rect className="band-target" x={at(target)} y="1" width="1.5" height="10" />
      {before !== undefined && (
        <>
          <line className="move-line" x1={at(before)} x2={at(weight)} y1="6" y2="6" />
          <circle className="move-before" cx={at(before)} cy="6" r="3.5" />
        </>
      )}
      <circle className="band-weight" cx={at(weight)} cy="6" r="3.5" />
    </svg>
  );
}
