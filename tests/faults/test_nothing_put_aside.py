"""The database is not what this release needs, for a while and under load: nothing is put aside, nobody acts.

A primary that was demoted answers that it is read-only; a schema that is a migration behind lacks a column.  Both used
to send the stream to the dead letters at full speed.
"""

import os
import signal
from typing import NamedTuple

import psycopg
import pytest

from deploy.client import StackClient
from deploy.stack import Stack
from tests.faults.harness import Figures, all_back, count_dead_letters, figures_after
from tests.waiting import aside, until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(420)]
_TRIES = 5


class Fault(NamedTuple):
    """What is wrong with the database, what mends it, and who meets it under which name."""

    begin: tuple[str, ...]
    end: tuple[str, ...]
    service: str
    name: str


_RELOAD = "SELECT pg_reload_conf()"
FAULTS = {
    "a demoted primary": Fault(
        ("ALTER SYSTEM SET default_transaction_read_only = on", _RELOAD),
        ("ALTER SYSTEM RESET default_transaction_read_only", _RELOAD),
        "batch",
        "read-only",  # of a transaction, and of every new session that looks for a primary
    ),
    "a migration behind": Fault(
        ("ALTER TABLE taxlot.lots RENAME COLUMN document TO document_of_the_next_release",),
        ("ALTER TABLE taxlot.lots RENAME COLUMN document_of_the_next_release TO document",),
        "taxlot",
        "UndefinedColumn",
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_batch_is_done_when_the_database_is_mended(
    hurt_stack: Stack, client: StackClient, undisturbed: Figures, fault: Fault
) -> None:
    accounts = all_back(client, undisturbed)
    before = aside(count_dead_letters(hurt_stack.addresses.kafka))
    met = _met(hurt_stack, fault)
    # The proposer is stopped until the fault is there: no answer reaches batch before it.
    proposer = hurt_stack.pid("proposer")
    os.kill(proposer, signal.SIGSTOP)
    try:
        batch = client.propose(accounts)
        _do(hurt_stack, fault.begin)
        os.kill(proposer, signal.SIGCONT)
        until(lambda: _met(hurt_stack, fault), lambda seen: seen >= met + _TRIES, within_s=90)
    finally:
        os.kill(proposer, signal.SIGCONT)
        _do(hurt_stack, fault.end)
    assert figures_after(client, batch["batch_id"]) == undisturbed
    hurt_stack.wait_ready()
    assert aside(count_dead_letters(hurt_stack.addresses.kafka)) == before


def _do(stack: Stack, statements: tuple[str, ...]) -> None:
    with psycopg.connect(stack.addresses.admin_database("rebalancer"), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _met(stack: Stack, fault: Fault) -> int:
    """Return how often the service has written that it met the fault."""
    return (stack.layout.logs / f"{fault.service}.log").read_text().count(fault.name)
