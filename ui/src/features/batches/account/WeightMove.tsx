import type { PositionView } from "@/shared/api/models";
import { percent, share } from "@/shared/format/format";

const ROOM = 1.2;

/** From the weight before (ring) to the weight after (dot), on the band with the target; the figures stand beside it. */
export function WeightMove({ position: { security_id, weight_before: before, weight_after: after, target, low, high } }: { position: PositionView }) {
  const scale = 100 / Math.max(ROOM * Math.max(...[before, after, high].map(share)), 1);
  const at = (value: string) => `${(share(value) * scale).toFixed(2)}%`;
  const width = `${(Math.max(share(high) - share(low), 0.4) * scale).toFixed(2)}%`;
  const isOut = share(after) > share(high) || share(after) < share(low);
  const label = `${security_id} from ${percent(before)} to ${percent(after)}, target ${percent(target)}, band ${percent(low)} to ${percent(high)}`;
  return (
    <svg className="band-bar weight-move" role="img" aria-label={label} data-out={isOut} width="96" height="14">
      <title>{label}</title>
      <rect className="band-track" x="0" y="6" width="100%" height="2" rx="1" />
      <rect className="band-range" x={at(low)} y="3" width={width} height="8" rx="2" />
      <rect className="band-target" x={at(target)} y="1" width="1.5" height="12" />
      <line className="move-line" x1={at(before)} x2={at(after)} y1="7" y2="7" />
      <circle className="move-before" cx={at(before)} cy="7" r="3.5" />
      <circle className="band-weight" cx={at(after)} cy="7" r="3.5" />
    </svg>
  );
}
