"""`python -m deploy.subscriber_demo [--first N]`: show what the example subscriber receives from the running stack.

The subscriber of examples/subscribers/python reads all public topics from the beginning into a database of its own,
which ends with the demonstration.  It goes on until it is interrupted, or until it has acted on N events.
Needs REBALANCER_KAFKA_URL, as the stack's environment has it: `make subscriber-demo`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from deploy.stack.layout import CHECKOUT
from shared.runtime.version import VERSION

SUBSCRIBER: Final = CHECKOUT / "examples" / "subscribers" / "python" / "subscriber.py"
WIDEST: Final = 160
INTRODUCTION: Final = """\
The example subscriber reads the public topics of the stack from the beginning; Ctrl-C ends it.
Propose trades and approve them in the browser: the orders appear here within seconds."""


def main() -> int:
    """Run the subscriber and show its first events; return 0, or 1 if it ended by itself."""
    options = _parser().parse_args()
    kafka_url = os.environ.get("REBALANCER_KAFKA_URL")
    if not kafka_url:
        print("REBALANCER_KAFKA_URL is not set: `make subscriber-demo` takes it from the stack", file=sys.stderr)
        return 2
    print(INTRODUCTION, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        group = {"KAFKA_URL": kafka_url, "GROUP": f"subscriber-demo-{uuid.uuid4().hex[:8]}"}
        env = {**os.environ, **group, "DATABASE": str(Path(folder) / "subscriber.db")}
        with subprocess.Popen([sys.executable, str(SUBSCRIBER)], env=env, stdout=subprocess.PIPE, text=True) as process:
            try:
                return 0 if show(process.stdout or (), options.first) else 1
            except KeyboardInterrupt:
                return 0
            finally:
                process.terminate()


def show(lines: Iterable[str], first: int | None) -> bool:
    """Print what the subscriber did, a line an event, cut to the width of a screen.

    first: how many effects to show, None: all.  Return whether that many came.
    """
    effects = 0
    for line in lines:
        text = line.rstrip("\n")
        print(text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…", flush=True)
        effects += text.startswith("acted on")
        if effects == first:
            return True
    return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.subscriber_demo", description=__doc__)
    parser.add_argument("--version", action="version", version=f"rebalancer {VERSION}")
    parser.add_argument("--first", type=int, metavar="N", help="end after N events that it acted on")
    return parser


if __name__ == "__main__":
    sys.exit(main())
