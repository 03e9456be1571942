"""The watched folder: what lies in it, what is complete, and where a file goes when it has ended.

Names are bytes to the file system and may be anything; `shown` is how people and the ledger see them.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.taxlot.domain.codes import printable
from services.taxlot.domain.sender import FEED, Sender
from services.taxlot.intake import uploads
from services.taxlot.store.ledger import Source
from shared.runtime import log

DONE: Final = "done"
REFUSED: Final = "refused"
UPLOADS: Final = "uploads"
_OURS: Final = (DONE, REFUSED, UPLOADS)
_REASON: Final = ".reason.txt"
_LONGEST_NAME: Final = 255  # bytes a file system takes, in every one in use
_MARK: Final = 24  # bytes for a number that tells files of one name apart
_DAY_S: Final = 86_400
_log = log.get(__name__)

Stamp = tuple[int, int, int, int]  # device, inode, size, modified: another one means another content


@dataclass(frozen=True)
class Found:
    """Something in the inbox.  regular: a file and not a link, pipe, socket or device; age_s: since it came here."""

    path: Path
    source: Source
    stamp: Stamp
    regular: bool
    age_s: float

    @property
    def shown(self) -> str:
        """The name as people read it."""
        return shown(self.path) if self.source == "INBOX" else uploads.name_given(self.path)

    @property
    def sender(self) -> Sender:
        """On whose rights it acts.  Raises OSError."""
        return FEED if self.source == "INBOX" else uploads.sender_of(self.path)


def shown(path: Path) -> str:
    """Return a file's name as text that can be stored and printed: what is no character stands as an escape."""
    return printable(os.fsencode(path.name).decode(errors="backslashreplace"))


def stamp_of(status: os.stat_result) -> Stamp:
    """Return what tells one content of a file from another."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class Inbox:
    """One folder; of several watchers of the same folder only the one that holds its lock works.

    settle_s: a file counts as complete when it has stayed as it is for so long; uploads appear whole and at once.
    """

    def __init__(self, folder: Path, settle_s: float) -> None:
        self.folder = folder
        self._settle_s = settle_s
        self._since: dict[Path, tuple[Stamp, float]] = {}
        self._passed_over: set[Path] = set()
        self._lock: int | None = None
        for name in ("", *_OURS):
            (folder / name).mkdir(parents=True, exist_ok=True)

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

    def waiting(self) -> Iterator[Found]:
        """Yield what waits, uploads first, in order of name; folders are passed over (and that is logged once)."""
        now = time.time()
        for folder, source in ((self.folder / UPLOADS, "UPLOAD"), (self.folder, "INBOX")):
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda one: one.name)
            for entry in entries:
                if entry.name.startswith(".") or entry.name.endswith(".part"):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # taken away since the listing
                path = Path(entry.path)
                if stat.S_ISDIR(status.st_mode):
                    self._pass_over(path)
                    continue
                regular, age_s = stat.S_ISREG(status.st_mode), max(0.0, now - status.st_ctime)
                yield Found(path, "UPLOAD" if source == "UPLOAD" else "INBOX", stamp_of(status), regular, age_s)

    def complete(self) -> list[Found]:
        """Return of what waits that which has come to rest."""
        now, waiting = time.monotonic(), list(self.waiting())
        before = self._since
        self._since = {
            one.path: before[one.path] if one.path in before and before[one.path][0] == one.stamp else (one.stamp, now)
            for one in waiting
        }
        return [one for one in waiting if one.source == "UPLOAD" or now - self._since[one.path][1] >= self._settle_s]

    def oldest_age_s(self) -> float:
        """Return how long the file that has waited longest has been here, in seconds; 0 where none waits."""
        try:
            return max((one.age_s for one in self.waiting()), default=0.0)
        except OSError:
            return float("nan")  # nobody can say

    def move(self, path: Path, refusal: str | None) -> None:
        """Put an ended file into done/, or with the reason beside it into refused/.  Raises OSError."""
        folder = self.folder / (DONE if refusal is None else REFUSED)
        kept = _free_name(folder, path.name)
        if refusal is not None:
            kept.with_name(kept.name + _REASON).write_text(refusal + "\n", encoding="utf-8", errors="backslashreplace")
        try:
            path.replace(kept)
        except FileNotFoundError:
            _log.warning("inbox.file_gone", file=shown(path), when="after it had been read")
        uploads.forget(path)

    def prune(self, keep_days: int, keep_bytes: int) -> int:
        """Delete ended files older than keep_days, then the oldest until keep_bytes hold; return how many."""
        kept: list[tuple[float, int, Path]] = []
        for name in (DONE, REFUSED):
            with os.scandir(self.folder / name) as listing:
                for entry in listing:
                    status = entry.stat(follow_symlinks=False)
                    if not stat.S_ISDIR(status.st_mode):
                        kept.append((status.st_ctime, status.st_size, Path(entry.path)))
        kept.sort()
        left, oldest = sum(size for _, size, _ in kept), time.time() - keep_days * _DAY_S
        pruned = 0
        for moved, size, path in kept:
            if moved >= oldest and left <= keep_bytes:
                break
            path.unlink(missing_ok=True)
            left -= size
            pruned += 1
        return pruned

    def _pass_over(self, path: Path) -> None:
        ours = path.parent == self.folder and path.name in _OURS
        if not ours and path not in self._passed_over:
            self._passed_over.add(path)
            _log.warning("inbox.folder_passed_over", folder=shown(path), advice="put the files themselves here")


def _free_name(folder: Path, name: str) -> Path:
    """Return where a file of this name goes: a number is added when the name was used before, what is too long cut."""
    room = _LONGEST_NAME - len(_REASON) - _MARK
    raw = os.fsencode(name)
    cut = os.fsdecode(raw[:room])
    path = folder / cut
    if len(raw) <= room and not os.path.lexists(path):
        return path
    return path.with_name(f"{path.stem}.{time.time_ns()}{path.suffix}")
