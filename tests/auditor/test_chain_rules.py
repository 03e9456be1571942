"""The rules of chains as tables: which parts a pass follows, and what a sentence says of a link, an end, a head."""

import pytest

from services.auditor.domain.chains import (
    Walk,
    audit_end,
    audit_seen,
    before_first,
    decision_beside,
    history_end,
    history_seen,
    link_faults,
    record_broken,
)
from services.auditor.domain.invariants import Invariant
from shared.rules.history_chain import End, Link, beginning, linked

pytestmark = pytest.mark.fast
DECIDED, OTHER = b"d" * 32, b"o" * 32
FIRST = linked(beginning("E1"), DECIDED)
SECOND = linked(FIRST, OTHER)


def test_parts_follow_one_another_and_begin_anew_after_the_last() -> None:
    walk = Walk(0)
    turns = []
    for last in (25, 50, None, 25):
        turns.append(walk.turn())
        walk.done([], last)
    assert turns == [[0], [25], [50], [0]]


def test_a_part_with_a_fault_is_followed_in_every_pass_until_it_has_none() -> None:
    walk = Walk(0)
    walk.done([0], 25)
    assert walk.turn() == [0, 25]
    walk.done([0], None)
    assert walk.turn() == [0], "its turn has come anyway"
    walk.done([], 25)
    assert walk.turn() == [25]


def test_a_chain_that_is_broken_everywhere_does_not_make_passes_long() -> None:
    walk = Walk(0)
    walk.done(range(1, 1000), 5000)
    assert len(walk.turn()) <= 21 and walk.turn()[-1] == 5000


@pytest.mark.parametrize(
    ("link", "before", "kept", "says"),
    [
        (Link(1, 7, beginning("E1"), DECIDED, FIRST), before_first("E1"), DECIDED, None),
        (Link(2, 8, FIRST, OTHER, SECOND), (1, FIRST), OTHER, None),
        (Link(2, 8, FIRST, OTHER, SECOND), (1, OTHER), OTHER, "link 2 does not follow the one before it"),
        (Link(2, 8, FIRST, DECIDED, SECOND), (1, FIRST), DECIDED, "link 2 was changed"),
        (Link(2, 8, FIRST, OTHER, SECOND), before_first("E1"), OTHER, "link 1 is missing from the chain"),
        (Link(4, 8, FIRST, OTHER, SECOND), (1, FIRST), OTHER, "links 2 to 3 are missing from the chain"),
        (Link(2, 8, FIRST, OTHER, SECOND), (1, FIRST), None, "its decision is missing"),
        (Link(2, 8, FIRST, OTHER, SECOND), (1, FIRST), DECIDED, "its decision was changed"),
        (Link(1, 7, beginning("E2"), DECIDED, linked(beginning("E2"), DECIDED)), before_first("E1"), DECIDED,
         "link 1 does not follow the one before it"),
        (Link(2, 8, FIRST, DECIDED, SECOND), (1, OTHER), None,
         "link 2 does not follow the one before it; link 2 was changed; its decision is missing"),
    ],
)  # fmt: skip
def test_a_link(link: Link, before: End, kept: bytes | None, says: str | None) -> None:
    difference = link_faults("E1", link, before, kept)
    assert (difference and difference.says) == (says and f"history of E1, batch {link.batch_id}: {says}")
    assert difference is None or difference.invariant == Invariant.HISTORY_WHOLE


@pytest.mark.parametrize(
    ("head", "last", "says"),
    [
        ((2, SECOND), (2, SECOND), None),
        (None, (0, FIRST), None),
        (None, (2, SECOND), "the head of the chain is missing"),
        ((3, OTHER), (2, SECOND), "the last links are missing: the chain ends at 2, and its head is 3"),
        ((1, FIRST), (2, SECOND), "the head of the chain is not its last link, 2"),
        ((2, OTHER), (2, SECOND), "the head of the chain is not its last link, 2"),
        ((1, FIRST), (0, OTHER), "the last links are missing: the chain ends at 0, and its head is 1"),
    ],
)
def test_an_end(head: End | None, last: End, says: str | None) -> None:
    of_history, of_log = history_end("E1", head, last), audit_end(head, last)
    assert (of_history and of_history.says) == (says and f"history of E1: {says}")
    assert (of_log and of_log.says) == (says and f"audit log: {says}")
    assert of_log is None or of_log.invariant == Invariant.AUDIT_LOG_WHOLE


@pytest.mark.parametrize(("now", "what"), [(SECOND, None), (None, "is missing"), (OTHER, "is another one")])
def test_an_end_that_was_seen_before(now: bytes | None, what: str | None) -> None:
    to_do = (
        "Keep the database as it is and inform whoever is responsible for the records; after a restore that was meant,"
    )
    to_do += " set REBALANCER_AUDIT_ORDERS_FROM to now and start the auditor again"
    rest = f"which was its last, {what}; its hash was {SECOND.hex()}. {to_do}"
    of_history, of_log = history_seen("E1", (2, SECOND), now), audit_seen((2, SECOND), now)
    assert (of_history and of_history.says) == (what and f"history of E1: link 2, {rest}")
    assert (of_log and of_log.says) == (what and f"audit log: record 2, {rest}")


def test_what_is_named_is_a_subject_of_its_own() -> None:
    assert [record_broken(3).subject, decision_beside(9).subject] == ["record 3", "batch 9"]
