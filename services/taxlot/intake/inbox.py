"""The watched folder: which files are in it, which of them are complete, and where a file goes when it has ended.

File names may be any bytes; `display_name` is the text that people and the ledger see.
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
from services.taxlot.intake.uploads import UPLOADS
from services.taxlot.store.ledger import FileSource
from shared.runtime import log

DONE: Final = "done"
REFUSED: Final = "refused"
_FOLDERS: Final = (DONE, REFUSED, UPLOADS)
_REASON: Final = ".reason.txt"
_LONGEST_NAME: Final = 255  # bytes, in every file system in use
_MARK: Final = 24  # bytes for the number that makes a name unique
_DAY_S: Final = 86_400
_log = log.get(__name__)

Stamp = tuple[int, int, int, int]  # device, inode, size, time of change


@dataclass(frozen=True)
class InboxFile:
    """An entry of the inbox.  regular: a file, not a link, pipe, socket or device; age_s: seconds since it came."""

    path: Path
    source: FileSource
    stamp: Stamp
    regular: bool
    age_s: float

    @property
    def name(self) -> str:
        """The name as people read it."""
        return display_name(self.path) if self.source == "INBOX" else uploads.given_name(self.path)

    @property
    def sender(self) -> Sender:
        """The sender on whose rights it acts.  Raises OSError."""
        return FEED if self.source == "INBOX" else uploads.sender_of(self.path)


def display_name(path: Path) -> str:
    """Return a file's name as text that can be stored and printed; bytes that are no characters are escaped."""
    return printable(os.fsencode(path.name).decode(errors="backslashreplace"))


def stamp_of(status: os.stat_result) -> Stamp:
    """Return a stamp that differs if the file was replaced or written to."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class Inbox:
    """One folder.  Of several watchers of a folder only the one that holds its lock works.

    settle_s: a file counts as complete when it was unchanged for so many seconds; uploads are complete at once.
    """

    def __init__(self, folder: Path, settle_s: float) -> None:
        self.folder = folder
        self._settle_s = settle_s
        self._since: dict[Path, tuple[Stamp, float]] = {}
        self._skipped: set[Path] = set()
        self._lock: int | None = None
        for name in ("", *_FOLDERS):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def claim(self) -> bool:
        """Take the lock of the folder if it is free; say whether this watcher has it."""
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
        """Release the lock of the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def waiting(self) -> Iterator[InboxFile]:
        """Yield waiting files, uploads first, each in order of name; folders are skipped and logged once."""
        now = time.time()
        for folder, source in ((self.folder / UPLOADS, "UPLOAD"), (self.folder, "INBOX")):
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
            for entry in entries:
                if entry.name.startswith(".") or entry.name.endswith(".part"):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # removed since the listing
                path = Path(entry.path)
                if stat.S_ISDIR(status.st_mode):
                    self._skip_folder(path)
                    continue
                regular, age_s = stat.S_ISREG(status.st_mode), max(0.0, now - status.st_ctime)
                yield InboxFile(path, "UPLOAD" if source == "UPLOAD" else "INBOX", stamp_of(status), regular, age_s)

    def complete(self) -> list[InboxFile]:
        """Return the waiting files that are complete."""
        now, waiting = time.monotonic(), list(self.waiting())
        before = self._since
        self._since = {
            file.path: before[file.path]
            if file.path in before and before[file.path][0] == file.stamp
            else (file.stamp, now)
            for file in waiting
        }
        return [
            file for file in waiting if file.source == "UPLOAD" or now - self._since[file.path][1] >= self._settle_s
        ]

    def oldest_age_s(self) -> float:
        """Return the age in seconds of the oldest waiting file, 0 if none waits, NaN if the folder cannot be read."""
        try:
            return max((file.age_s for file in self.waiting()), default=0.0)
        except OSError:
            return float("nan")

    def move(self, path: Path, refusal: str | None) -> None:
        """Move an ended file into done/, or with its reason into refused/ if `refusal` is given.  Raises OSError."""
        folder = self.folder / (DONE if refusal is None else REFUSED)
        target = _free_name(folder, path.name)
        if refusal is not None:
            reason = target.with_name(target.name + _REASON)
            reason.write_text(refusal + "\n", encoding="utf-8", errors="backslashreplace")
        try:
            path.replace(target)
        except FileNotFoundError:
            _log.warning("inbox.file_gone", file=display_name(path), reason="after_reading")
        uploads.forget(path)

    def prune(self, keep_days: int, keep_bytes: int) -> int:
        """Delete ended files older than keep_days, then the oldest until keep_bytes are left; return the count."""
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

    def _skip_folder(self, path: Path) -> None:
        is_own = path.parent == self.folder and path.name in _FOLDERS
        if not is_own and path not in self._skipped:
            self._skipped.add(path)
            _log.warning("inbox.folder_skipped", file=display_name(path))


def _free_name(folder: Path, name: str) -> Path:
    """Return a free path for this name: a name in use gets a number, a name that is too long is cut."""
    longest = _LONGEST_NAME - len(_REASON) - _MARK
    raw = os.fsencode(name)
    path = folder / os.fsdecode(raw[:longest])
    if len(raw) <= longest and not os.path.lexists(path):
        return path
    return path.with_name(f"{path.stem}.{time.time_ns()}{path.suffix}")
