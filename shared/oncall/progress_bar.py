"""A progress bar on a terminal; elsewhere nothing."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextlib.contextmanager
def bar(name: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show (done, of) as it is told."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, transient=True, disable=not sys.stderr.isatty()) as shown:
        task = shown.add_task(name, total=None)

        def progress(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total)

        yield progress
