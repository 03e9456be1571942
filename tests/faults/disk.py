"""A disk of its own for the files of one process of a stack, small enough to be filled."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.stack import Stack

_SPARE_BYTES = 64 * 2**20
_PIECE = bytes(2**16)


class SmallDisk:
    """A mounted file system.  Nobody but the process and `fill` writes to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Take all the space that is left, to the last byte."""
        with self._filler.open("ab", buffering=0) as file:
            piece = _PIECE
            while piece:
                try:
                    file.write(piece)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    piece = piece[: len(piece) // 2]

    def free(self) -> None:
        """Give the space back, and as much to spare as at first: what the process has written meanwhile it keeps.

        A database keeps hundreds of MiB of its log of changes; without more space the disk would stay full of it.
        """
        self._filler.unlink(missing_ok=True)
        space = os.statvfs(self._folder)
        used = (space.f_blocks - space.f_bfree) * space.f_frsize
        grow = ["mount", "-o", f"remount,size={used + _SPARE_BYTES}", str(self._folder)]
        subprocess.run(grow, check=True, capture_output=True)


@contextmanager
def small_disk(stack: Stack, name: str, folder: Path) -> Iterator[SmallDisk]:
    """Have the folder of a process on a small disk while the body runs, and as it was afterwards.

    The process is halted while its files are moved.  Skips where nobody may mount a file system.
    """
    usual = folder.with_name(f"{folder.name}-usual")
    stack.halt(name)
    folder.rename(usual)
    try:
        _mount(folder, usual)
    except BaseException:
        usual.rename(folder)
        stack.resume(name)
        raise
    disk = SmallDisk(folder)
    try:
        stack.resume(name)
        yield disk
    finally:
        disk.free()
        stack.halt(name)
        shutil.rmtree(usual)
        _copy(folder, usual)
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()
        usual.rename(folder)
        stack.resume(name)


def _mount(folder: Path, usual: Path) -> None:
    """Mount an empty file system at the folder, and copy there what it had."""
    used = sum(file.stat().st_blocks * 512 for file in usual.rglob("*") if file.is_file())
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={used + _SPARE_BYTES}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        folder.rmdir()
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    _copy(usual, folder)


def _copy(source: Path, target: Path) -> None:
    """Copy a folder's files with owners, rights and holes."""
    target.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", "--sparse=always", f"{source}/.", str(target)], check=True)
