"""Uploads on their way into the inbox: the file, and beside it who sent it and with which rights.

The sender is on disk before the file has its name, and the file before the upload is answered: whatever crashes, a file
never acts on rights that nobody gave it. Names on disk are unique, so one sender's file neither meets nor shows
another's.
"""

import asyncio
import json
import os
import re
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Final

from services.taxlot.domain.sender import NOBODY, Sender
from services.taxlot.intake import receiving

_NAMED: Final = re.compile(r"[0-9]{20}-[0-9a-f]{32}-(.+)", re.DOTALL)
_SENDER: Final = ".sender.json"


def name_given(path: Path) -> str:
    """Return the name its sender gave an upload."""
    named = _NAMED.fullmatch(path.name)
    return named.group(1) if named else path.name


def sender_of(path: Path) -> Sender:
    """Return who sent an upload; a file that lies there without a sender has nobody's rights.  Raises OSError."""
    try:
        kept = json.loads(_beside(path).read_text())
    except FileNotFoundError:
        return NOBODY
    advisors = kept["advisors"]
    return Sender(kept["subject"], tuple(kept["enterprises"]), None if advisors is None else tuple(advisors))


def forget(path: Path) -> None:
    """Delete what was written beside an upload, once the file itself has gone."""
    _beside(path).unlink(missing_ok=True)


async def receive(
    pieces: AsyncIterator[bytes], folder: Path, name: str, sender: Sender, now: datetime, most_bytes: int
) -> None:
    """Write an upload and its sender into the folder.  Raises as `receiving.receive` does; nothing is left then."""
    target = folder / f"{int(now.timestamp() * 1_000_000):020d}-{uuid.uuid4().hex}-{name}"
    try:
        await asyncio.to_thread(_note_sender, target, sender)
        await receiving.receive(pieces, target, most_bytes)
    except BaseException:
        forget(target)
        raise


def _note_sender(target: Path, sender: Sender) -> None:
    told = {"subject": sender.subject, "enterprises": sender.enterprises, "advisors": sender.advisors}
    with _beside(target).open("w") as file:
        json.dump(told, file)
        file.flush()
        os.fsync(file.fileno())


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}{_SENDER}")
