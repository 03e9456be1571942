"""Messages come again, in any order, and replicas join and leave: under load nothing is lost, nothing done twice."""

import random
import time

import pytest

from deploy.stack import Stack
from tests.faults import card
from tests.faults.again import deliver_again, settled, state_of
from tests.faults.card import Outcome
from tests.faults.harness import count_dead_letters
from tests.faults.load import Load, reconcile
from tests.faults.replicas import CONSUMING, joined, leave_in_turn
from tests.waiting import aside

pytestmark = [
    pytest.mark.fault, pytest.mark.slow, pytest.mark.timeout(card.trials(600, 8 * 3600), func_only=True),
]  # fmt: skip


def test_everything_delivered_again_in_another_order(system: Stack) -> None:
    """Once in the middle of work; and once when all is done, after which all that is stored is as it was."""
    kafka, chance = system.addresses.kafka, random.Random(card.SEED)
    letters = aside(count_dead_letters(kafka))
    with Load(system, card.SEED) as load:
        load.one_more()
        delivered = 0
        for _ in range(card.trials(1, 5)):
            delivered += aside(deliver_again(kafka, chance))
            load.one_more()
    found = reconcile(system, load.ledger)
    settled(system)
    before = state_of(system)
    delivered += aside(deliver_again(kafka, chance))
    settled(system)
    after = state_of(system)
    altered = {table: sorted(set(after[table]) ^ set(before[table]))[:4] for table in before}
    assert after == before, {table: rows for table, rows in altered.items() if rows}
    again = reconcile(system, load.ledger)
    assert aside(count_dead_letters(kafka)) == letters
    card.keep(Outcome("F10", delivered, found.lost + again.lost, found.doubled + again.doubled))


def test_replicas_join_and_leave_again_and_again(system: Stack) -> None:
    chance, recoveries_s, left = random.Random(card.SEED), [], 0
    with Load(system, card.SEED) as load:
        for _ in range(card.trials(1, 20)):
            with joined(system, chance.sample(CONSUMING, card.trials(2, len(CONSUMING)))) as replicas:
                load.one_more()
                leave_in_turn(system, replicas, chance)
                at_s = time.monotonic()
                left += len(replicas)
                system.wait_ready()
                load.one_more()
                recoveries_s.append(time.monotonic() - at_s)
    found = reconcile(system, load.ledger)
    card.keep(Outcome("F14", left, found.lost, found.doubled, recoveries_s=tuple(recoveries_s)))
