"""Printing steps and how long they take."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

EVERY_S = 0.2
EVERY_LINE_S = 10.0


class Silent:
    """Steps that print nothing, for tests."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Run the block; `title` is not shown."""
        yield

    def say(self, line: str) -> None:
        """Show nothing."""

    def progress(self, text: str) -> None:
        """Show nothing of how far the step is."""


class Spoken(Silent):
    """Steps printed one a line with their duration in seconds: what `make up` uses."""

    def __init__(self) -> None:
        self._title = ""
        self._shown_at = 0.0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print `title`, run the block, print the seconds it took (or that it failed)."""
        self._title, started = title, time.monotonic()
        self._shown_at = started
        self._line(f"  {title:<58}")
        try:
            yield
        except BaseException:
            self._line(f"  {title:<58}  failed\n")
            raise
        self._line(f"  {title:<58}{time.monotonic() - started:7.1f} s\n")

    def say(self, line: str) -> None:
        """Print one line."""
        self._line(f"{line}\n")

    def progress(self, text: str) -> None:
        """Show how far the step is: in its own line of a terminal, else in a line of its own every ten seconds."""
        now = time.monotonic()
        if now - self._shown_at >= (EVERY_S if sys.stdout.isatty() else EVERY_LINE_S):
            self._shown_at = now
            self._line(f"  {self._title}: {text}" if sys.stdout.isatty() else f"    {text}\n")

    def _line(self, text: str) -> None:
        """Write over an unfinished line of a terminal; in a file begin a new one."""
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns - 1
            end = "\n" if text.endswith("\n") else ""
            print(f"\r\x1b[K{text.rstrip(chr(10))[:width]}", end=end, flush=True)
        elif text.endswith("\n"):
            print(text, end="", flush=True)
