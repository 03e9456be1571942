"""The background process of a stack: runs the plan's processes and answers on a control socket.

`python -m deploy.stack.supervisor PLAN_FILE`. It ends, with everything it started, on the `stop` command, on SIGTERM or
SIGINT, and (tests) when its standard input closes. If it is killed, the kernel ends its children.
"""

import asyncio
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from deploy.stack import control
from deploy.stack.child import bound_log
from deploy.stack.clock import remember_instant
from deploy.stack.keeper import Keeper
from deploy.stack.layout import Layout
from deploy.stack.spec import Plan, in_order

HOUSEKEEPING_EVERY_S = 2.0


class Supervisor:
    """All keepers of a plan, started and stopped in the order of their needs."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.layout = Layout(Path(plan.state))
        self.levels = in_order(plan.specs)
        self.keepers: dict[str, Keeper] = {}
        self.ended = asyncio.Event()
        for spec in plan.specs:
            log = self.layout.logs / f"{spec.name}.log"
            self.keepers[spec.name] = Keeper(spec, log, partial(self._ready, spec.needs), say)

    async def run(self) -> None:
        """Serve commands until told to end; then stop every process, the dependent ones first."""
        server = await control.serve(self.layout.socket, self.carry_out)
        housekeeping = asyncio.create_task(self._housekeep())
        say(f"supervisor {os.getpid()} serves {len(self.keepers)} processes")
        try:
            await self.ended.wait()
        finally:
            housekeeping.cancel()
            await self.stop_all()
            remember_instant(self.layout)
            server.close()
            self.layout.socket.unlink(missing_ok=True)
            for directory in self.plan.discard:
                shutil.rmtree(directory, ignore_errors=True)
            say("everything has ended")

    async def stop_all(self) -> None:
        """Stop in reverse order of needs."""
        for level in reversed(self.levels):
            await asyncio.gather(*(self.keepers[name].end() for name in level))

    async def carry_out(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command. Raises LookupError for an unknown command or process name."""
        names = request.get("names") or list(self.keepers)
        chosen = [self._keeper(name) for name in names]
        match request["do"]:
            case "status":
                answering = await asyncio.gather(*(keeper.is_answering_now() for keeper in chosen))
                return {
                    keeper.spec.name: {**keeper.describe(), "answers": replies}
                    for keeper, replies in zip(chosen, answering, strict=True)
                }
            case "start":
                for keeper in chosen:
                    keeper.begin()
            case "halt":
                await asyncio.gather(*(keeper.end(request.get("signal")) for keeper in chosen))
            case "restart":
                for keeper in chosen:
                    await keeper.end()
                    keeper.begin(request.get("env"))
            case "signal":
                return {keeper.spec.name: await keeper.signal(int(request["signal"])) for keeper in chosen}
            case "supervisor":
                return {"pid": os.getpid()}
            case "stop":
                self.ended.set()
            case other:
                raise LookupError(f"no such command: {other}")
        return {}

    def _keeper(self, name: str) -> Keeper:
        if name not in self.keepers:
            raise LookupError(f"no process named {name}; there are: {', '.join(self.keepers)}")
        return self.keepers[name]

    def _ready(self, needs: Iterable[str]) -> bool:
        return all(any(self.keepers[name].ready for name in need.split("|")) for need in needs)

    async def _housekeep(self) -> None:
        while True:
            for log in self.layout.logs.glob("*.log"):
                bound_log(log)
            remember_instant(self.layout)
            await asyncio.sleep(HOUSEKEEPING_EVERY_S)


def say(line: str) -> None:
    """Write one line to the supervisor's own log."""
    print(f"{datetime.fromtimestamp(time.time(), UTC):%Y-%m-%dT%H:%M:%S.%f}Z {line}", flush=True)


def main() -> None:
    """Run the plan named on the command line; exit 1 when a supervisor of the same stack already runs."""
    plan = Plan.load(Path(sys.argv[1]))
    with (Path(plan.state) / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"another supervisor already runs {plan.state}")
        asyncio.run(_run(plan))


async def _run(plan: Plan) -> None:
    supervisor = Supervisor(plan)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, supervisor.ended.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    if plan.lifeline:
        loop.add_reader(sys.stdin.fileno(), _on_lifeline, supervisor, loop)
    await supervisor.run()


def _on_lifeline(supervisor: Supervisor, loop: asyncio.AbstractEventLoop) -> None:
    """The starter never writes, so the pipe is readable only once it is closed."""
    loop.remove_reader(sys.stdin.fileno())
    supervisor.ended.set()


if __name__ == "__main__":
    main()
