"""How often a file has been begun and not ended, counted on disk beside the inbox: a count outlives our death.

A file that takes the process with it each time is counted like one whose load fails, because the count is written
before the file is opened.
"""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any, Final

from services.taxlot.intake.inbox import Found, shown

_FOLDER: Final = ".attempts"
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0


class Attempts:
    """The counts of one inbox."""

    def __init__(self, inbox: Path) -> None:
        self._folder = inbox / _FOLDER
        self._folder.mkdir(exist_ok=True)
        self._not_before: dict[Path, float] = {}

    def is_resting(self, one: Found) -> bool:
        """Say whether a file that failed a moment ago is still to be left alone, while others are taken."""
        return time.monotonic() < self._not_before.get(one.path, 0.0)

    def begin(self, one: Found) -> int:
        """Count an attempt and return which it is; a file of the same name with another content begins at 1."""
        number = int(self._read(one).get("attempts", 0)) + 1
        self._write(one, attempts=number)
        return number

    def entered(self, one: Found, entry: int) -> None:
        """Keep under which entry of the ledger the file is being read."""
        self._write(one, entry=entry)

    def entry_of(self, one: Found) -> int | None:
        """Return the entry under which the file was read before; None where it was not."""
        kept = self._read(one).get("entry")
        return None if kept is None else int(kept)

    def failed(self, one: Found, number: int, error: str) -> None:
        """Keep why attempt `number` failed and leave the file alone for a while: 1 s, doubling, at most 60 s."""
        self._write(one, attempts=number, error=error)
        pause_s = min(_FIRST_PAUSE_S * 2 ** (number - 1), _LONGEST_PAUSE_S)
        self._not_before[one.path] = time.monotonic() + pause_s

    def not_counted(self, one: Found, number: int) -> None:
        """Take attempt `number` back: it was interrupted, not failed."""
        self._write(one, attempts=number - 1)

    def ended(self, one: Found) -> None:
        """Forget the file: it has been taken in or refused, or it is gone."""
        self._place(one).unlink(missing_ok=True)
        self._not_before.pop(one.path, None)

    def error_of(self, one: Found) -> str:
        """Return why the last attempt failed."""
        return str(self._read(one).get("error", "the process ended while it read the file"))

    def _read(self, one: Found) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = json.loads(self._place(one).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return kept if kept.get("stamp") == list(one.stamp) else {}

    def _write(self, one: Found, **changed: Any) -> None:
        kept = self._read(one) | changed | {"file": shown(one.path), "stamp": list(one.stamp)}
        place = self._place(one)
        fresh = place.with_suffix(".new")
        fresh.write_text(json.dumps(kept))
        fresh.replace(place)

    def _place(self, one: Found) -> Path:
        """Return where the count of this name stands; the name itself may be too long or too odd."""
        name = hashlib.sha256(one.source.encode() + b"/" + os.fsencode(one.path.name)).hexdigest()[:32]
        return self._folder / f"{name}.json"
