"""`python -m deploy.docker.clock`: the clock of a system in containers, which shows the machine's time at first.

It is the file REBALANCER_CLOCK_FILE; the simulated custodian moves it forward when it is asked for the next day.
"""

import os
from pathlib import Path

from shared.runtime.clock import set_offset


def main() -> None:
    """Make the clock unless it is there."""
    file = Path(os.environ["REBALANCER_CLOCK_FILE"])
    if not file.exists():
        set_offset(file, 0)


if __name__ == "__main__":
    main()
