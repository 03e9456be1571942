"""What the load command shows: a progress bar, then one line a file."""

import contextlib
import sys

from services.taxlot.intake import load
from shared.oncall import progress_bar


def bar(name: str) -> contextlib.AbstractContextManager[load.Progress]:
    """Show how many records have been read (on a terminal; elsewhere nothing)."""
    return progress_bar.bar(name, "records")


def say(outcome: load.Outcome) -> None:
    """Print how the file ended; refusals go to standard error."""
    if outcome.status == "REFUSED":
        print(f"{outcome.name}: REFUSED, {outcome.code}: {outcome.reason}", file=sys.stderr)
    elif outcome.status == "DUPLICATE":
        print(f"{outcome.name}: {outcome.reason}")
    else:
        remark = f"; {outcome.reason}" if outcome.reason else ""
        print(
            f"{outcome.name}: loaded as file {outcome.file_id}, {outcome.custodian} as of {outcome.data_date}: "
            f"{outcome.accounts} accounts, {outcome.changed} changed, {outcome.held} held, "
            f"{outcome.unknown} unknown account numbers{remark}"
        )
