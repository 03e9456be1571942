"""A disk is full under load: what was acknowledged stays, what cannot be done is refused, and space is all it needs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import httpx
import psycopg
import pytest

from deploy.client import Refused, StackClient
from deploy.stack import Stack
from shared.contracts.problems import Unavailable
from tests.faults import card
from tests.faults.card import Outcome
from tests.faults.disk import SmallDisk, small_disk
from tests.faults.harness import count_dead_letters, proposable, unsent
from tests.faults.load import Load, reconcile
from tests.waiting import aside, until

pytestmark = [
    pytest.mark.fault, pytest.mark.slow, pytest.mark.timeout(card.trials(600, 4 * 3600), func_only=True),
]  # fmt: skip


def test_the_disk_of_the_database_is_full(system: Stack) -> None:
    """Tables cannot grow, so commands are refused; then its log of changes cannot, and the server begins again."""

    def met(client: StackClient, disk: SmallDisk, before: int) -> None:
        refused = until(lambda: refusal(client), within_s=120)
        assert refused is not None
        assert refused.status == Unavailable.status and refused.problem["detail"], refused
        # The load may have ended the server already, and on a full disk it does not even begin again.
        until(lambda: press(system, disk), lambda _: panics(system) > before, within_s=300)

    with no_recycling(system):
        _fill(system, "postgres", system.layout.postgres_home / "data", lambda: panics(system), met)


@pytest.mark.skipif(not card.FOLDER, reason="the broker begins three times, which takes a minute: `make card` does it")
def test_the_disk_of_the_broker_is_full(system: Stack) -> None:
    """The broker ends; what people decide is taken, and kept until it can be sent."""

    def starts() -> int:
        return int(system.status("kafka")["kafka"]["starts"])

    def met(client: StackClient, _disk: SmallDisk, before: int) -> None:
        until(starts, lambda seen: seen > before, within_s=120)
        until(lambda: proposed(client))
        until(lambda: unsent(system))

    _fill(system, "kafka", system.layout.kafka_data / "log", starts, met)


def _fill(
    stack: Stack,
    name: str,
    folder: Path,
    failures: Callable[[], int],
    met: Callable[[StackClient, SmallDisk, int], None],
) -> None:
    """Fill the disk under load until `met` returns, free it, and see that all goes on with nobody acting.

    failures: how often the process could not go on; `met` is told how often that was before the disk was full.
    """
    recoveries_s = []
    letters = aside(count_dead_letters(stack.addresses.kafka))
    with small_disk(stack, name, folder) as disk, StackClient(stack, ("E1", "E2", "E3")) as client:
        stack.wait_ready()
        with Load(stack, card.SEED) as load:
            for _ in range(card.trials(1, 20)):
                load.one_more()
                before = failures()
                disk.fill()
                try:
                    met(client, disk, before)
                finally:
                    disk.free()  # whatever happened: the load ends only when it has its answers
                at_s = time.monotonic()
                stack.wait_ready()
                load.one_more()
                recoveries_s.append(time.monotonic() - at_s)
        found = reconcile(stack, load.ledger)
    stack.wait_ready()
    assert aside(count_dead_letters(stack.addresses.kafka)) == letters
    card.keep(Outcome("F6", len(recoveries_s), found.lost, found.doubled, recoveries_s=tuple(recoveries_s)))


def refusal(client: StackClient) -> Refused | None:
    """Propose for an account; return how the database's state had that refused, or None."""
    try:
        proposed(client)
    except Refused as refused:
        return refused
    except httpx.TransportError:
        pass
    return None


def proposed(client: StackClient) -> bool:
    """Propose for some account; say whether that was done, and not the load quicker to take the account."""
    try:
        client.propose(proposable(client)[-1:])
    except Refused as refused:
        if refused.status >= Unavailable.status:
            raise
        return False
    return True


def panics(stack: Stack) -> int:
    """Return how often the database's server could not go on."""
    return (stack.layout.logs / "postgres.log").read_text().count(" PANIC: ")


@contextmanager
def no_recycling(stack: Stack) -> Iterator[None]:
    """Have the server delete old files of its log of changes while the body runs.

    After much work it has a hundred of them to write over, and needs no space for as long.
    """
    _configure(stack, "SET wal_recycle = off")
    try:
        yield
    finally:
        _configure(stack, "RESET wal_recycle")


def _configure(stack: Stack, what: LiteralString) -> None:
    with psycopg.connect(stack.addresses.admin_database("rebalancer"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM " + what)
        connection.execute("SELECT pg_reload_conf()")


def press(stack: Stack, disk: SmallDisk) -> None:
    """Have the server begin another file of its log of changes, as many changes would, and find no space for it."""
    disk.fill()
    try:
        with psycopg.connect(stack.addresses.admin_database("rebalancer"), autocommit=True) as connection:
            connection.execute("SELECT pg_logical_emit_message(true, 'press', 'x'), pg_switch_wal()")
    except psycopg.OperationalError:  # it is full, or begins again
        return
