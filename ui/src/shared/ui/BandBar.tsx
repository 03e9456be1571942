import { percent, share } from "@/shared/format/format";

interface Props {
  weight: string | null;
  target: string | null;
  low: string | null;
  high: string | null;
  what: string;
}

const ROOM = 1.25;

/** A weight against its target and tolerance band; the figures stand beside it, the drawing only repeats them. */
export function BandBar({ weight, target, low, high, what }: Props) {
  if (weight === null) return null;
  const scale = 100 / Math.max(share(weight) * ROOM, share(high) * ROOM, 1);
  const at = (value: string | null) => `${(share(value) * scale).toFixed(2)}%`;
  const width = `${(Math.max(share(high) - share(low), 0.4) * scale).toFixed(2)}%`;
  const isOut = share(weight) > share(high) || share(weight) < share(low);
  const label = `${what} ${percent(weight)}, target ${percent(target)}, band ${percent(low)} to ${percent(high)}`;
  return (
    <svg className="band-bar" role="img" aria-label={label} data-out={isOut} width="72" height="12">
      <title>{label}</title>
      <rect className="band-track" x="0" y="5" width="100%" height="2" rx="1" />
      <rect className="band-range" x={at(low)} y="2" width={width} height="8" rx="2" />
      <rect className="band-target" x={at(target)} y="1" width="1.5" height="10" />
      <circle className="band-weight" cx={at(weight)} cy="6" r="3.5" />
    </svg>
  );
}
