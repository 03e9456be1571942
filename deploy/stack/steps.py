"""Saying what is being done and how long it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Silent:
    """Steps that say nothing: what tests use."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Run the block; `title` is not shown."""
        yield

    def say(self, line: str) -> None:
        """Show nothing."""


class Spoken(Silent):
    """Steps printed one a line with their duration in seconds: what `make up` uses."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print `title`, run the block, print the seconds it took (or that it failed)."""
        print(f"  {title:<58}", end="", flush=True)
        started = time.monotonic()
        try:
            yield
        except BaseException:
            print("  failed", flush=True)
            raise
        print(f"{time.monotonic() - started:7.1f} s", flush=True)

    def say(self, line: str) -> None:
        """Print one line."""
        print(line, flush=True)
