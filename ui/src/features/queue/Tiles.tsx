import { VisuallyHidden } from "@mantine/core";
import { useId, type KeyboardEvent, type MouseEvent } from "react";

import type { TileChoice, TileCounts } from "@/shared/api/models";
import { count } from "@/shared/format/format";
import { tileNames } from "@/shared/format/names";
import { TILE_CHOICES } from "@/shared/state/search";

interface Props {
  /** Under the filters in force; undefined while they are being counted. */
  counts: TileCounts | undefined;
  /** Without any filter, where one is in force. */
  all?: TileCounts;
  chosen: readonly TileChoice[];
  onChange: (chosen: TileChoice[]) => void;
}

export const choiceNames: Readonly<Record<TileChoice, string>> = { ...tileNames, NO_TARGET: "No Target" };

const COUNT_OF = {
  FIRST_REBALANCE: "first_rebalance",
  HIGH_CASH: "high_cash",
  LOW_CASH: "low_cash",
  POSITION_DRIFT: "position_drift",
  NO_TARGET: "no_target",
} as const satisfies Record<TileChoice, keyof TileCounts>;

const isAdding = (event: MouseEvent | KeyboardEvent) => event.ctrlKey || event.metaKey || event.shiftKey;

/**
 * The queues as toggles, each with its own number whatever is chosen. A press chooses one alone, with Ctrl or Shift it is chosen
 * beside the others: accounts are then in all of them.
 */
export function Tiles({ counts, all, chosen, onChange }: Props) {
  const help = useId();
  const shown = TILE_CHOICES.filter((tile) => tile !== "NO_TARGET" || chosen.includes(tile) || ((all ?? counts)?.no_target ?? 0) > 0);

  function press(tile: TileChoice, adding: boolean) {
    const isOn = chosen.includes(tile);
    if (adding) onChange(isOn ? chosen.filter((other) => other !== tile) : [...chosen, tile]);
    else onChange(isOn && chosen.length === 1 ? [] : [tile]);
  }

  return (
    <div className="tiles" role="group" aria-label="Rebalancer tiles">
      {shown.map((tile) => (
        <button
          key={tile}
          type="button"
          className={tile === "NO_TARGET" ? "tile tile-small" : "tile"}
          aria-pressed={chosen.includes(tile)}
          aria-describedby={help}
          title="Ctrl or Shift adds it to the tiles that are chosen"
          onClick={(event) => press(tile, isAdding(event))}
          onKeyDown={(event) => {
            if (!isAdding(event) || (event.key !== "Enter" && event.key !== " ")) return;
            event.preventDefault();
            press(tile, true);
          }}
          onKeyUp={(event) => {
            if (isAdding(event) && event.key === " ") event.preventDefault();
          }}
        >
          <span className="tile-name">{choiceNames[tile]}</span>
          <span className="tile-count">{counts ? count(counts[COUNT_OF[tile]]) : "…"}</span>
          <span className="tile-note">{all ? `of ${count(all[COUNT_OF[tile]])} match the filters` : "accounts"}</span>
        </button>
      ))}
      <VisuallyHidden id={help}>Ctrl or Shift with Enter or a click adds it to the tiles that are chosen.</VisuallyHidden>
    </div>
  );
}
