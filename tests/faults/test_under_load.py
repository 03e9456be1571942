"""Processes die, hang or are away under load: nothing acknowledged is lost, nothing done twice, nobody acts.

The load proposes and decides without pause.  When a fault strikes is a matter of a seeded chance.
"""

import os
import random
import signal
import time

import pytest

from deploy.stack import Stack
from tests.faults import card
from tests.faults.card import Outcome
from tests.faults.conftest import SERVICES
from tests.faults.load import Load, reconcile
from tests.waiting import until

LONGEST_S = 2.0  # until a fault strikes
AWAY_S = card.trials(5, 600)
pytestmark = [
    pytest.mark.fault, pytest.mark.slow, pytest.mark.timeout(card.trials(600, 8 * 3600), func_only=True),
]  # fmt: skip


def struck(stack: Stack, load: Load, victim: str, signum: int, chance: random.Random) -> float:
    """Send the signal at some moment; return the seconds until all is ready and a batch begun afterwards is decided."""
    before = stack.pid(victim)
    until_s = time.monotonic() + chance.uniform(0, LONGEST_S)
    until(lambda: time.monotonic() >= until_s)
    os.kill(before, signum)
    at_s = time.monotonic()
    until(
        lambda: stack.status(victim)[victim],
        lambda seen: seen["pid"] not in (None, before) and seen["state"] == "ready" and seen["answers"],
        within_s=300,
    )
    stack.wait_ready()
    load.one_more()
    return time.monotonic() - at_s


def test_killed(system: Stack) -> None:
    victims = SERVICES * 50 if card.FOLDER else ("batch", "analyzer")
    _strike(system, "F1", victims, signal.SIGKILL)


def test_hanging(system: Stack) -> None:
    victims = SERVICES * 10 if card.FOLDER else ("batch",)
    _strike(system, "F2", victims, signal.SIGSTOP)


def test_the_database_killed(system: Stack) -> None:
    _strike(system, "F3", ("postgres",) * card.trials(1, 50), signal.SIGQUIT)


def _strike(stack: Stack, fault: str, victims: tuple[str, ...], signum: int) -> None:
    chance = random.Random(card.SEED)
    with Load(stack, card.SEED) as load:
        recoveries_s = tuple(struck(stack, load, victim, signum, chance) for victim in victims)
    found = reconcile(stack, load.ledger)
    card.keep(Outcome(fault, len(victims), found.lost, found.doubled, recoveries_s=recoveries_s))


def test_the_broker_away(system: Stack) -> None:
    """Meanwhile the queue can be read; what is decided is taken, and its orders leave when the broker is back."""
    with Load(system, card.SEED) as load:
        load.one_more()
        system.halt("kafka")
        back_s = time.monotonic() + AWAY_S
        until(lambda: time.monotonic() >= back_s, within_s=AWAY_S + 60)
        system.resume("kafka")
        at_s = time.monotonic()
        system.wait_ready()
        load.one_more()
        recovery_s = time.monotonic() - at_s
    found = reconcile(system, load.ledger)
    card.keep(Outcome("F5", 1, found.lost, found.doubled, recoveries_s=(recovery_s,)))
