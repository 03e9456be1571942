"""The queue from the stores, as lines.  Reads no event."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from services.auditor.columns.sheets import LineKind, SheetLine, instant_text, sheet_line
from shared.contracts.codes import FlagState, Tile


def lines_of_states(states: Iterable[Mapping[str, Any]]) -> Iterator[SheetLine]:
    """Yield the lines of accounts that are neither clear nor off."""
    for row in states:
        facts = dict(row) | {"since": instant_text(row["since"])}
        yield sheet_line(LineKind.QUEUE, 0, row["account_id"], "", facts, "batch.account_state")


def lines_of_flags(flags: Iterable[Mapping[str, Any]]) -> Iterator[SheetLine]:
    """Yield the lines of the flags of queued accounts.

    Version and value are left out: an evaluation that finds the same otherwise is not published.
    """
    for row in flags:
        facts = {
            "account_id": row["account_id"],
            "state": FlagState(row["state"]).name,
            "tiles": sorted(str(tile.name) for tile in Tile if row["tiles"] & tile),
            "source": row["source"],
            "needed_since": _day(row["needed_since"]),
            "last_rebalanced": _day(row["last_rebalanced"]),
        }
        yield sheet_line(LineKind.FLAG, 0, row["account_id"], "", facts, "batch.flag")


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
