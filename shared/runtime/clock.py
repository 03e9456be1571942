"""The clock port; no other code reads the time of day.

The local stack and tests shift time by a file with an offset, so that every process sees the same instant.
"""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Port: the source of the present instant."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""


class SystemClock:
    """The system clock."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)


class FileClock:
    """The system clock plus an offset from a file, which is read again whenever it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the shifted instant in UTC.  Raises FileNotFoundError if the file is missing."""
        status = self._path.stat()
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._seen:
            self._offset = timedelta(seconds=float(json.loads(self._path.read_text())["offset_seconds"]))
            self._seen = seen
        return datetime.now(UTC) + self._offset


def set_offset(path: Path, offset_s: float) -> None:
    """Shift every clock that reads `path` by `offset_s` seconds, atomically."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"offset_seconds": offset_s}))
    fresh.replace(path)


def set_instant(path: Path, instant: datetime) -> None:
    """Make every clock that reads `path` show `instant` from now on."""
    set_offset(path, instant.timestamp() - time.time())


def clock_of(path: Path | None) -> Clock:
    """Return the clock of the setting `clock_file`: the system clock if it is None."""
    return SystemClock() if path is None else FileClock(path)
