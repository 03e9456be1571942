"""A progress bar on a terminal; nothing if standard error is no terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextlib.contextmanager
def bar(name: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call with (done, total), which a progress bar shows."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, transient=True, disable=not sys.stderr.isatty()) as shown:
        task = shown.add_task(name, total=None)

        def progress(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total)

        yield progress
