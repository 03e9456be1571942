"""How often each file was tried, counted on disk beside the inbox, so that a count survives the process.

The count is written before the file is opened: a file that kills the process each time is counted too.
"""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any, Final

from services.taxlot.intake.inbox import InboxFile, display_name

_FOLDER: Final = ".attempts"
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0


class Attempts:
    """The counts of one inbox."""

    def __init__(self, inbox: Path) -> None:
        self._folder = inbox / _FOLDER
        self._folder.mkdir(exist_ok=True)
        self._not_before: dict[Path, float] = {}

    def is_paused(self, file: InboxFile) -> bool:
        """Say whether a file that failed is still paused; other files are loaded meanwhile."""
        return time.monotonic() < self._not_before.get(file.path, 0.0)

    def begin(self, file: InboxFile) -> int:
        """Count an attempt and return its number; a file of the same name with another content begins at 1."""
        number = int(self._read(file).get("attempts", 0)) + 1
        self._write(file, attempts=number)
        return number

    def note_entry(self, file: InboxFile, file_id: int) -> None:
        """Store the ledger entry under which the file is read."""
        self._write(file, entry=file_id)

    def entry_of(self, file: InboxFile) -> int | None:
        """Return the ledger entry under which the file was read before, None if it was not."""
        entry = self._read(file).get("entry")
        return None if entry is None else int(entry)

    def fail(self, file: InboxFile, number: int, error: str) -> None:
        """Store why attempt `number` failed and pause the file: 1 s, doubling, at most 60 s."""
        self._write(file, attempts=number, error=error)
        pause_s = min(_FIRST_PAUSE_S * 2 ** (number - 1), _LONGEST_PAUSE_S)
        self._not_before[file.path] = time.monotonic() + pause_s

    def uncount(self, file: InboxFile, number: int) -> None:
        """Take attempt `number` back: it was interrupted and did not fail."""
        self._write(file, attempts=number - 1)

    def end(self, file: InboxFile) -> None:
        """Forget the file: it is loaded, refused or gone."""
        self._count_file(file).unlink(missing_ok=True)
        self._not_before.pop(file.path, None)

    def error_of(self, file: InboxFile) -> str:
        """Return why the last attempt failed."""
        return str(self._read(file).get("error", "the process ended while it read the file"))

    def _read(self, file: InboxFile) -> dict[str, Any]:
        try:
            fields: dict[str, Any] = json.loads(self._count_file(file).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return fields if fields.get("stamp") == list(file.stamp) else {}

    def _write(self, file: InboxFile, **changed: Any) -> None:
        fields = self._read(file) | changed | {"file": display_name(file.path), "stamp": list(file.stamp)}
        path = self._count_file(file)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(fields))
        fresh.replace(path)

    def _count_file(self, file: InboxFile) -> Path:
        """Return the path of the file's count; it is a digest because the name may be too long or unprintable."""
        name = hashlib.sha256(file.source.encode() + b"/" + os.fsencode(file.path.name)).hexdigest()[:32]
        return self._folder / f"{name}.json"
