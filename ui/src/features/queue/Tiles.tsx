import type { Tile, TileCounts } from "@/shared/api/models";
import { count } from "@/shared/format/format";
import { tileNames, TILES } from "@/shared/format/names";

interface Props {
  counts: TileCounts | undefined;
  chosen: readonly Tile[];
  isNoTargetFirst: boolean;
  onChange: (chosen: Tile[]) => void;
  onNoTarget: (on: boolean) => void;
}

const COUNT_OF: Readonly<Record<Tile, "first_rebalance" | "high_cash" | "low_cash" | "position_drift">> = {
  FIRST_REBALANCE: "first_rebalance",
  HIGH_CASH: "high_cash",
  LOW_CASH: "low_cash",
  POSITION_DRIFT: "position_drift",
};

/** The four queues as toggles; several are ANDed. A tile that would leave nothing is disabled and says why. */
export function Tiles({ counts, chosen, isNoTargetFirst, onChange, onNoTarget }: Props) {
  return (
    <div className="tiles" role="group" aria-label="Rebalancer tiles">
      {TILES.map((tile) => {
        const isOn = chosen.includes(tile);
        const left = counts?.[COUNT_OF[tile]];
        const isEmpty = left === 0 && !isOn;
        return (
          <button
            key={tile}
            type="button"
            className="tile"
            aria-pressed={isOn}
            disabled={isEmpty}
            onClick={() => onChange(isOn ? chosen.filter((other) => other !== tile) : [...chosen, tile])}
          >
            <span className="tile-name">{tileNames[tile]}</span>
            <span className="tile-count">{count(left)}</span>
            <span className="tile-note">{isEmpty ? emptyBecause(chosen) : "accounts"}</span>
          </button>
        );
      })}
      {(counts?.no_target ?? 0) > 0 && (
        <button type="button" className="tile tile-small" aria-pressed={isNoTargetFirst} onClick={() => onNoTarget(!isNoTargetFirst)}>
          <span className="tile-name">No Target</span>
          <span className="tile-count">{count(counts?.no_target)}</span>
          <span className="tile-note">{isNoTargetFirst ? "shown first" : "show first"}</span>
        </button>
      )}
    </div>
  );
}

function emptyBecause(chosen: readonly Tile[]): string {
  return chosen.length > 0 ? `none is also ${chosen.map((tile) => tileNames[tile]).join(" and ")}` : "no account matches";
}
