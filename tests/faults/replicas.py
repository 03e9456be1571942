"""Second replicas of the services: they join the groups of the first ones and leave again, in order or by force."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Self

import httpx

from deploy.stack import Stack
from deploy.stack.layout import CHECKOUT
from deploy.stack.ports import choose
from deploy.stack.table import PROGRAMS
from tests.waiting import until_up

CONSUMING = ("taxlot", "analyzer", "analyzer-sweeper", "proposer", "batch")
_ENDS_S = 60


class Replica:
    """A second process of a program of the stack, with the same environment but for its port."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.name = name
        port = choose({name: 0})[name]
        self._url = f"http://127.0.0.1:{port}/readyz"
        log = stack.layout.logs / f"{name}-replica.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *PROGRAMS[name].module],
                cwd=CHECKOUT,
                env=stack.env_of(name) | {"REBALANCER_HTTP_PORT": str(port)},
                stdout=output,
                stderr=output,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.leave(signal.SIGKILL)

    def wait_ready(self) -> None:
        """Wait until it has its share of the partitions."""
        until_up(self._is_ready, self._process)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(self._url, timeout=5).is_success
        except httpx.TransportError:
            return False

    def leave(self, signum: int) -> None:
        """End by this signal and wait for the end; nothing happens to one that has ended."""
        if self._process.poll() is None:
            self._process.send_signal(signum)
            self._process.wait(_ENDS_S)


@contextmanager
def joined(stack: Stack, names: Sequence[str]) -> Iterator[list[Replica]]:
    """Start a second replica of each at the same time, and have none left afterwards."""
    with ExitStack() as ends:
        replicas = [ends.enter_context(Replica(stack, name)) for name in names]
        for replica in replicas:
            replica.wait_ready()
        yield replicas


def leave_in_turn(stack: Stack, replicas: Sequence[Replica], chance: random.Random) -> None:
    """Let one of the two of each service end, the first or the second, in order or by force, each in its own rebalance.

    The first one is started again by its keeper, and so joins while others leave.
    """
    for replica in chance.sample(replicas, len(replicas)):
        signum = chance.choice((signal.SIGTERM, signal.SIGKILL))
        if chance.random() < 0.5:
            stack.kill(replica.name, signum)
        else:
            replica.leave(signum)
