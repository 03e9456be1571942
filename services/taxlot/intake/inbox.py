"""The watched folder: complete files are taken in order of name and moved to done/ or refused/ when they have ended."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from services.taxlot.intake.load import Outcome
from services.taxlot.store.ledger import Source
from shared import log

DONE: Final = "done"
REFUSED: Final = "refused"
UPLOADS: Final = "uploads"
_log = log.get(__name__)
_Load = Callable[[Path, str, Source], Outcome]


class Inbox:
    """One folder; of several watchers of the same folder only the one that holds its lock works."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("", DONE, REFUSED, UPLOADS):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._lock: int | None = None

    def claim(self) -> bool:
        """Say whether this watcher has the folder for itself; ask again later when not."""
        if self._lock is not None:
            return True
        handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    def release(self) -> None:
        """Give the folder free for another watcher."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def waiting(self) -> Iterator[tuple[Path, Source]]:
        """Yield the complete files, in order of name, uploads first."""
        for folder, source in ((self.folder / UPLOADS, "UPLOAD"), (self.folder, "INBOX")):
            for path in sorted(folder.iterdir()):
                if path.is_file() and not path.name.startswith(".") and not path.name.endswith(".part"):
                    yield path, "UPLOAD" if source == "UPLOAD" else "INBOX"

    def take(self, path: Path, source: Source, load: _Load) -> Outcome:
        """Load one file and move it to where it belongs.  Raises what `load` raises: the file then stays and waits."""
        outcome = load(path, path.name, source)
        folder = self.folder / (REFUSED if outcome.status == "REFUSED" else DONE)
        kept = _free_name(folder / path.name)
        if outcome.status == "REFUSED":
            kept.with_name(kept.name + ".reason.txt").write_text(f"{outcome.code}: {outcome.reason}\n")
        path.replace(kept)
        _log.info("inbox.taken", file=path.name, status=outcome.status, accounts=outcome.accounts, held=outcome.held)
        return outcome


def _free_name(path: Path) -> Path:
    """Return the path, or one with a number added when that name was used before."""
    if not path.exists():
        return path
    return path.with_name(f"{path.stem}.{time.time_ns()}{path.suffix}")
