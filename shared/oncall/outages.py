"""What a command of the command line says when database or broker go away, instead of a traceback."""

import sys
from collections.abc import Callable
from typing import Final

from shared.kafka.faults import is_transient
from shared.postgres.commits import CommitUnknown

_UNKNOWN: Final = (
    "the database went away before it said whether this was done; give the same command again, it is done once"
)
_AWAY: Final = "database or broker does not answer just now ({error}); give the command again later, it is safe"


def carried_out(command: Callable[[], int]) -> int:
    """Run a command and return its exit code: 1, with a sentence, when database or broker go away.

    Only for commands of which it is true: what they do is one transaction that is done once, or may be done twice.
    """
    try:
        return command()
    except CommitUnknown:
        print(_UNKNOWN, file=sys.stderr)
    except Exception as error:
        if not is_transient(error):
            raise
        print(_AWAY.format(error=" ".join(str(error).split())[:200] or repr(error)), file=sys.stderr)
    return 1
