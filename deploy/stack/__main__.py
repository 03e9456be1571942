"""`python -m deploy.stack COMMAND`: the local stack of this checkout, as `make` uses it."""

import argparse
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

from deploy.stack import backups, book, clock, table, ui
from deploy.stack.errors import StackError
from deploy.stack.layout import CHECKOUT, DEFAULT_STATE
from deploy.stack.stack import Stack
from deploy.stack.steps import Spoken
from shared.rules.trading_calendar import NEW_YORK
from shared.runtime.version import VERSION


def main() -> int:
    """Run the command and return its exit code; a failure is printed as a sentence, without a traceback."""
    arguments = _parser().parse_args()
    stack = Stack(Path(arguments.state), ephemeral=False, steps=Spoken())
    try:
        return int(arguments.run(stack, arguments) or 0)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
    except ConnectionError:
        print("the stack is down: `make up` starts it", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
    return 1


def up(stack: Stack, arguments: argparse.Namespace) -> None:
    """Start what does not run, load the book once, print where to go."""
    started = time.monotonic()
    if _complete(stack):
        print("already running")
    else:
        ui.build(stack.steps)
        stack.start()
        book.load(stack, arguments.accounts)
        print(f"up after {time.monotonic() - started:.0f} s")
    _welcome(stack)


def down(stack: Stack, _: argparse.Namespace) -> None:
    """End everything; data and the clock's present are kept."""
    if not stack.running():
        print("nothing runs")
        return
    with stack.steps.step("stopping everything"):
        stack.stop()


def status(stack: Stack, _: argparse.Namespace) -> int:
    """Print a line per process; exit 1 unless all answer."""
    table, urls = stack.status(), stack.urls
    print(f"{'process':<18}{'state':<10}{'answers':<9}{'pid':>8}{'starts':>8}{'last exit':>11}  address")
    for name, process in table.items():
        answering = "yes" if process["answers"] else "no"
        pid, ended = process["pid"] or "-", "-" if process["last_exit"] is None else process["last_exit"]
        print(
            f"{name:<18}{process['state']:<10}{answering:<9}{pid:>8}{process['starts']:>8}{ended:>11}"
            f"  {urls.get(name, '')}"
        )
    print(f"the stack's clock: {clock.now(stack.layout).astimezone(NEW_YORK):%A %Y-%m-%d %H:%M} New York")
    return 0 if all(process["answers"] for process in table.values()) else 1


def logs(stack: Stack, arguments: argparse.Namespace) -> int:
    """Follow the logs of the named processes (default: all)."""
    files = [str(stack.layout.logs / f"{name}.log") for name in arguments.names]
    files = files or sorted(str(path) for path in stack.layout.logs.glob("*.log"))
    if not files:
        raise StackError("no logs yet: `make up` starts the stack")
    return subprocess.run(["tail", "-n", "20", *([] if arguments.once else ["-F"]), *files], check=False).returncode


def reset(stack: Stack, arguments: argparse.Namespace) -> None:
    """End everything and delete all data of this stack."""
    down(stack, arguments)
    stack.layout.remove()
    print("all data of the local stack is gone; `make up` begins anew")


def kill(stack: Stack, arguments: argparse.Namespace) -> None:
    """Send a signal to one process, to see the system get over it."""
    pid = stack.kill(arguments.name, signal.SIGKILL if arguments.nine else signal.SIGTERM)
    print(f"{arguments.name} (process {pid}) was hit; it is started again by itself")


def restart(stack: Stack, arguments: argparse.Namespace) -> None:
    """Stop and start processes, and wait until they answer."""
    stack.restart(*arguments.names)
    stack.wait_ready(*arguments.names)


def backup(stack: Stack, _: argparse.Namespace) -> None:
    """Take a backup of the database; from then on any moment can be restored."""
    with stack.steps.step("taking a backup of the database"):
        since = backups.take(stack)
    print(f"any moment since {since:%Y-%m-%dT%H:%M:%SZ} can be restored")


def restore(stack: Stack, arguments: argparse.Namespace) -> None:
    """Restore the database to a moment; the programs are stopped and stay so."""
    at = datetime.fromisoformat(arguments.at)
    if at.tzinfo is None:
        raise StackError("an instant needs its zone, e.g. 2026-01-02T15:04:05Z")
    with stack.steps.step(f"restoring the database to {arguments.at}"):
        backups.restore(stack, at)
    print("nothing else runs now; go on with step 3 of docs/restore.md")


def execute(stack: Stack, arguments: argparse.Namespace) -> int:
    """Run a command with the stack's environment, the gateway's or (--as NAME) another service's."""
    if not stack.running():
        raise ConnectionRefusedError
    return subprocess.run(arguments.command, cwd=CHECKOUT, env=stack.env_of(arguments.of), check=False).returncode


def _complete(stack: Stack) -> bool:
    """Return whether a supervisor runs and every process answers."""
    return stack.running() and all(process["answers"] for process in stack.status().values()) and book.loaded(stack)


def _welcome(stack: Stack) -> None:
    print(f"\n  open      {stack.urls['gateway']}")
    users = subprocess.run(
        [sys.executable, "-m", "deploy.issuer", "users"],
        cwd=CHECKOUT,
        env=stack.env_of("issuer"),
        capture_output=True,
        text=True,
        check=False,
    )
    for line in (users.stdout if users.returncode == 0 else users.stderr).strip().splitlines():
        print(f"  {line}")
    now = clock.now(stack.layout).astimezone(NEW_YORK)
    print(
        f"  the stack's clock shows {now:%A %Y-%m-%d %H:%M} New York; `make next-day` moves it on, `make down` stops it"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.stack", description=__doc__)
    parser.add_argument("--version", action="version", version=f"rebalancer {VERSION}")
    parser.add_argument("--state", default=os.environ.get("STACK_STATE", str(DEFAULT_STATE)), help="state directory")
    commands = parser.add_subparsers(required=True)
    for function in (up, down, status, logs, reset, kill, restart, backup, restore, execute):
        name = "exec" if function is execute else function.__name__
        command = commands.add_parser(name, help=(function.__doc__ or "").strip())
        command.set_defaults(run=function)
        if function is up:
            command.add_argument("--accounts", type=int, default=2000, help="size of the sample book, first time only")
        elif function is kill:
            command.add_argument("name")
            command.add_argument("-9", dest="nine", action="store_true", help="SIGKILL instead of SIGTERM")
        elif function is logs:
            command.add_argument("names", nargs="*")
            command.add_argument("--once", action="store_true", help="print the ends and stop")
        elif function is restart:
            command.add_argument("names", nargs="+")
        elif function is restore:
            command.add_argument("--at", required=True, metavar="INSTANT", help="as 2026-01-02T15:04:05Z")
        elif function is execute:
            command.add_argument("--as", dest="of", default="gateway", choices=tuple(table.PROGRAMS), metavar="NAME")
            command.add_argument("command", nargs=argparse.REMAINDER)
    return parser


if __name__ == "__main__":
    sys.exit(main())
