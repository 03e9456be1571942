"""Files that come by HTTP: written into the inbox whole or not at all, each with its sender and the sender's rights.

The sender is on disk before the file has its name, and the file before the request is answered: after a crash no file
acts on rights that nobody gave it.  Names on disk are unique, so files of different senders never meet.
"""

import asyncio
import json
import os
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from services.taxlot.domain.sender import NOBODY, Sender
from shared.contracts.problems import BadInput, Conflict, Problem, Unavailable
from shared.contracts.tenancy import Scope

UPLOADS: Final = "uploads"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,120}")
_STORED_NAME: Final = re.compile(r"[0-9]{20}-[0-9a-f]{32}-(.+)", re.DOTALL)
_SENDER: Final = ".sender.json"


class TooLarge(Problem):
    """The upload is larger than the settings allow."""

    status, code, title = 413, "too_large", "The file is too large"


@dataclass(frozen=True)
class Uploads:
    """Where uploads are written (inbox None: nowhere) and the most bytes an upload may have."""

    inbox: Path | None
    most_bytes: int

    async def receive(self, pieces: AsyncIterator[bytes], name: str, scope: Scope, now: datetime) -> None:
        """Store an upload with its sender; it will act on the rights of `scope` only.

        Raises Unavailable without an inbox, BadInput for a bad name or an empty body, TooLarge; nothing is left then.
        """
        if self.inbox is None:
            raise Unavailable(
                "Files cannot be taken in here: no folder is set up for them. Tell operations.",
                hint="uploads need an inbox folder (REBALANCER_INBOX_DIR); none is set",
            )
        sender = Sender(scope.subject, scope.enterprises, scope.advisors)
        await receive(pieces, self.inbox / UPLOADS, checked_name(name), sender, now, self.most_bytes)


def checked_name(name: str) -> str:
    """Return a name that a file of the inbox may have.  Raises BadInput for any other."""
    if not _NAME.fullmatch(name) or name.endswith(".part"):
        raise BadInput(
            f"The file name {name[:130]!r} may hold letters, digits and . _ @ - only. Rename it, then send it again.",
            errors=[{"pointer": "/query/name", "detail": "must be letters, digits and . _ @ -"}],
        )
    return name


def given_name(path: Path) -> str:
    """Return the name that the sender gave an upload."""
    stored = _STORED_NAME.fullmatch(path.name)
    return stored.group(1) if stored else path.name


def sender_of(path: Path) -> Sender:
    """Return the sender of an upload, NOBODY (no rights) for a file without one.  Raises OSError."""
    try:
        fields = json.loads(_sender_file(path).read_text())
    except FileNotFoundError:
        return NOBODY
    advisors = fields["advisors"]
    return Sender(fields["subject"], tuple(fields["enterprises"]), None if advisors is None else tuple(advisors))


def forget(path: Path) -> None:
    """Delete the sender of an upload, once the file itself has gone."""
    _sender_file(path).unlink(missing_ok=True)


async def receive(
    pieces: AsyncIterator[bytes], folder: Path, name: str, sender: Sender, now: datetime, most_bytes: int
) -> None:
    """Write an upload and its sender into the folder.  Raises as `write_whole` does; nothing is left then."""
    target = folder / f"{int(now.timestamp() * 1_000_000):020d}-{uuid.uuid4().hex}-{name}"
    try:
        await asyncio.to_thread(_write_sender, target, sender)
        await write_whole(pieces, target, most_bytes)
    except BaseException:
        forget(target)
        raise


async def write_whole(pieces: AsyncIterator[bytes], target: Path, most_bytes: int) -> int:
    """Write the pieces to a hidden file, sync it to disk, and name it `target` in one step; return its size in bytes.

    Of several files written to one name at the same time the first complete one gets it.  Raises Conflict for the
    others, TooLarge, and BadInput for an empty body; nothing is left of a file that was refused.
    """
    if target.exists():
        raise _name_taken(target)
    unfinished = target.with_name(f".{uuid.uuid4().hex}.part")
    size = 0
    try:
        with unfinished.open("wb") as file:
            async for piece in pieces:
                size += len(piece)
                if size > most_bytes:
                    raise TooLarge(f"the file is larger than {most_bytes} bytes")
                await asyncio.to_thread(file.write, piece)
            if not size:
                raise BadInput(
                    "The file is empty. Look at it, then send it again.",
                    errors=[{"pointer": "/body", "detail": "it is empty; send the file itself as the body"}],
                )
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        await asyncio.to_thread(_link, unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    return size


def _link(unfinished: Path, target: Path) -> None:
    """Link the file to its name; unlike a rename this fails if the name is taken.  Raises Conflict then."""
    try:
        os.link(unfinished, target)
    except FileExistsError as error:
        raise _name_taken(target) from error
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _name_taken(target: Path) -> Conflict:
    return Conflict(f"a file named {target.name} is waiting already; give this one another name")


def _write_sender(target: Path, sender: Sender) -> None:
    fields = {"subject": sender.subject, "enterprises": sender.enterprises, "advisors": sender.advisors}
    with _sender_file(target).open("w") as file:
        json.dump(fields, file)
        file.flush()
        os.fsync(file.fileno())


def _sender_file(path: Path) -> Path:
    return path.with_name(f".{path.name}{_SENDER}")
