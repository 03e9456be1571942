"""A file that comes by HTTP: in the inbox complete or not at all, and on disk before its sender hears of it."""

import asyncio
import os
import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from shared.contracts.problems import BadInput, Conflict, Problem

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,120}")


class TooLarge(Problem):
    """The upload is larger than the settings allow."""

    status, code, title = 413, "too_large", "The file is too large"


def checked_name(name: str) -> str:
    """Return a name that a file of the inbox may have.  Raises BadInput for any other."""
    if not _NAME.fullmatch(name) or name.endswith(".part"):
        raise BadInput(f"/query/name: the file name {name[:130]!r} must be letters, digits and . _ @ -")
    return name


async def receive(pieces: AsyncIterator[bytes], target: Path, most_bytes: int) -> int:
    """Write the pieces to a hidden file, bring it to disk, and give it its name in one step; return its size.

    Of several that come under one name at the same time the first that is complete gets it. Raises Conflict for the
    others, TooLarge, and BadInput for an empty body; nothing is left of a file that was not taken.
    """
    if target.exists():
        raise _taken(target)
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
                raise BadInput("/body: it is empty; send the file itself as the body")
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        await asyncio.to_thread(_give_name, unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    return size


def _give_name(unfinished: Path, target: Path) -> None:
    """Link the file to its name, which fails where the name is taken (a rename would replace what stands there)."""
    try:
        os.link(unfinished, target)
    except FileExistsError as error:
        raise _taken(target) from error
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _taken(target: Path) -> Conflict:
    return Conflict(f"a file named {target.name} is waiting already; give this one another name")
