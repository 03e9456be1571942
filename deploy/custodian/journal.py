"""What the custodian remembers from day to day: one JSON file, replaced in one step.

A day is processed in stages (clock past the cut-off, books, delivery, clock to the next morning). Each stage may be
repeated, and the journal records the last one that was completed, so an interrupted run is simply started again.
"""

import os
from datetime import date
from pathlib import Path
from typing import Self

import orjson
from pydantic import BaseModel, ConfigDict

from shared.contracts.events import OrdersReleased


class Journal(BaseModel):
    """State after the last completed stage.

    book_day: the day whose closing the books show. delivered: whether its prices and files have gone out. closing: the
    business day being processed. offsets: next orders to read, by partition. waiting: released orders whose trade date
    has not come. filled: newest version of released orders filled, by account.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    book_day: date
    delivered: bool = True
    closing: date | None = None
    offsets: dict[int, int] = {}
    waiting: list[OrdersReleased] = []
    filled: dict[str, int] = {}

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Return the journal, or None before the first day."""
        return cls.model_validate_json(path.read_bytes()) if path.exists() else None

    def save(self, path: Path) -> None:
        """Replace the file; after a crash it holds either the old or the new state."""
        fresh = path.with_name(path.name + ".new")
        with fresh.open("wb") as file:
            file.write(orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_NON_STR_KEYS))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
