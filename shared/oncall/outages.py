"""A sentence instead of a traceback when the database or the broker goes away during a command."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from shared.kafka.faults import is_transient
from shared.postgres.commits import CommitUnknown

_UNKNOWN: Final = (
    "the database went away before it said whether this was done; give the same command again, it is done once"
)
_AWAY: Final = "database or broker does not answer just now ({error}); give the command again later, it is safe"


@contextmanager
def reported() -> Iterator[None]:
    """Raise Exit(1), after printing a sentence, if database or broker go away inside the block.

    Only for work that is one transaction which is done once, or that may be repeated: the sentence promises it.
    """
    try:
        yield
        return
    except CommitUnknown:
        print(_UNKNOWN, file=sys.stderr)
    except Exception as error:
        if not is_transient(error):
            raise
        print(_AWAY.format(error=" ".join(str(error).split())[:200] or repr(error)), file=sys.stderr)
    raise typer.Exit(1)
