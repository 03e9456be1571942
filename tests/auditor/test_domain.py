"""The rules of the auditor as tables: what differs, what a sentence says of it, and when a difference counts."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.auditor.domain.accounts import AccountCounts, AccountVersions, conserved, epochs_agree, flags_agree
from services.auditor.domain.batches import DecidedBatch, OpenBatch, counted, ends, frozen
from services.auditor.domain.invariants import MEANINGS, Difference, Invariant
from services.auditor.domain.orders import OrderTotals, compare
from services.auditor.domain.suspicions import Suspicions
from services.auditor.domain.unpublished import Unpublished, waits_too_long

pytestmark = pytest.mark.fast
NOON = datetime(2026, 6, 12, 12, 0, tzinfo=UTC)
FRIDAY = date(2026, 6, 12)
ONE = OrderTotals(1, 0, 10_000_000, 1_000 * 10**12, FRIDAY, b"1")
TWO = OrderTotals(2, 5_500_000, 0, 10**9, FRIDAY, b"2")
UNDATED = replace(ONE, traded_on=None)  # of an early release


def test_every_invariant_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Invariant)


@pytest.mark.parametrize(
    ("history", "topic", "says"),
    [
        ({"A": ONE}, {"A": [ONE]}, None),
        ({}, {}, None),
        ({"A": ONE, "B": TWO}, {"A": [ONE]}, "missing: B"),
        ({"A": ONE}, {"A": [ONE], "B": [TWO]}, "not approved: B"),
        ({"A": ONE}, {"A": [TWO]}, "altered: A"),
        ({"A": ONE}, {"A": [ONE, TWO]}, "altered: A"),
        ({"A": ONE}, {"A": [UNDATED]}, None),
        ({"A": ONE}, {"A": [replace(ONE, traded_on=date(2026, 6, 15))]}, "altered: A"),
        ({"A": ONE, "B": ONE}, {"B": [TWO], "C": [ONE]}, "missing: A; altered: B; not approved: C"),
        ({f"A{n:02}": ONE for n in range(12)}, {}, "A08, A09 and 2 more"),
    ],
)
def test_orders_of_a_batch(
    history: dict[str, OrderTotals], topic: dict[str, list[OrderTotals]], says: str | None
) -> None:
    difference = compare(7, history, topic)
    assert difference is None if says is None else difference is not None and difference.says.endswith(says)


def test_sums_of_orders_are_exact() -> None:
    difference = compare(7, {"A": ONE, "B": TWO}, {})
    assert difference is not None
    assert "2 accounts with 3 orders, 5.5 bought and 10 sold units, $1000.001; the topic has 0" in difference.says


COUNTS = AccountCounts("E1", 28, queue=1, in_batches=2, settling=3, held=4, off=5, clear=6, unevaluated=7)


def test_accounts_add_up_or_their_enterprise_is_named() -> None:
    assert conserved(COUNTS, []) is None
    for state in ("queue", "in_batches", "settling", "held", "off", "clear", "unevaluated"):
        wrong = AccountCounts(**vars(COUNTS) | {state: getattr(COUNTS, state) + 1})
        difference = conserved(wrong, ["A1"])
        assert difference is not None and difference.values == (1, ("A1",)), state
        assert "= 29, but it has 28 accounts. Look at A1." in difference.says


@pytest.mark.parametrize(
    ("versions", "epochs", "flags"),
    [
        ((1, 1, 4, 4, 1), None, None),
        ((0, 0, 4, 4, 0), None, None),
        ((2, 2, 4, 4, 1), "batch has epoch 2, analyzer has epoch 2, taxlot has booked approvals up to epoch 1", None),
        ((1, 1, 4, 4), "batch has epoch 1, analyzer has epoch 1, taxlot has booked no approval", None),
        ((0, 0, None, None), None, None),
        ((1, 0, 4, 4, 1), "batch has epoch 1, analyzer has epoch 0", None),
        ((None, 0, 4, 4), "batch does not know it, analyzer has epoch 0", None),
        ((0, None, None, None), "batch has epoch 0, analyzer does not know it", None),
        ((0, 0, 3, 4), None, "batch has flag version 3, the analyzer 4"),
        ((0, 0, None, 4), None, "batch has flag version none, the analyzer 4"),
        ((0, 0, 5, 4), None, "batch has flag version 5, the analyzer 4"),
    ],
)
def test_versions(versions: tuple[int | None, ...], epochs: str | None, flags: str | None) -> None:
    of = AccountVersions("A1", *versions)
    for difference, says in ((epochs_agree(of), epochs), (flags_agree(of), flags)):
        assert (difference and difference.says) == (says and f"account A1: {says}")


@pytest.mark.parametrize(
    ("status", "cut_off", "heard", "says"),
    [
        ("WORKING", 60, -1, None),
        ("WORKING", 60, -15, None),
        ("WORKING", 60, -16, "works and gets no result since 2026-06-12T11:44:00+00:00"),
        ("PENDING_APPROVAL", 60, -300, None),
        ("PENDING_APPROVAL", -5, -300, None),
        ("PENDING_APPROVAL", -6, -300, "is open past its cut-off since 2026-06-12T11:54:00+00:00"),
        ("WORKING", -6, -1, "is open past its cut-off since 2026-06-12T11:54:00+00:00"),
    ],
)
def test_batches_end(status: str, cut_off: int, heard: int, says: str | None) -> None:
    batch = OpenBatch(3, status, NOON + timedelta(minutes=cut_off), NOON + timedelta(minutes=heard))
    difference = ends(batch, NOON)
    assert (difference and difference.says) == (says and f"batch 3 ({status}) {says}")


def test_counts_of_a_batch() -> None:
    assert counted(3, {"accounts": 2, "working": 0}, {"accounts": 2, "working": 0}) is None
    difference = counted(3, {"accounts": 2, "working": 1}, {"accounts": 3, "working": 1})
    assert difference is not None and difference.says == "batch 3: accounts 2 in the batch and 3 by its accounts"


@pytest.mark.parametrize(
    ("batch", "says"),
    [
        (DecidedBatch(3, True, 0, 0), None),
        (DecidedBatch(3, None, 0, 0), "it has no manifest"),
        (DecidedBatch(3, False, 0, 0), "its manifest does not have its digest"),
        (DecidedBatch(3, True, 2, 0), "2 of its accounts are open or can be changed"),
        (DecidedBatch(3, True, 0, 1), "1 of its result chunks are missing or do not have their digests"),
    ],
)
def test_what_is_decided_is_frozen(batch: DecidedBatch, says: str | None) -> None:
    difference = frozen(batch)
    assert (difference and difference.says) == (says and f"batch 3 is decided, but {says}")


@pytest.mark.parametrize(
    ("waiting", "is_found"),
    [
        (Unpublished("message", "x", 120.0), False),
        (Unpublished("message", "x", 121.0), True),
        (Unpublished("message", "x", 0.0, refused=True), True),
        (Unpublished("file", "x", 900.0), False),
        (Unpublished("file", "x", 901.0), True),
        (Unpublished("analysis", "x", 901.0), True),
    ],
)
def test_what_waits(waiting: Unpublished, is_found: bool) -> None:
    assert (waits_too_long(waiting) is not None) == is_found


def _difference(subject: str = "A1", value: int = 1) -> Difference:
    return Difference(Invariant.FLAGS_AGREE, subject, (value,), f"{subject} {value}")


@pytest.mark.parametrize(
    ("passes", "broken"),
    [
        # each pass: seconds, value that is found (None: nothing differs), age of the oldest thing in flight
        ([(0, 1, 0)], False),
        ([(0, 1, 0), (99, 1, 0)], False),
        ([(0, 1, 0), (100, 1, 0)], True),
        ([(0, 1, 0), (50, 1, 0), (100, 1, 0)], True),
        ([(0, 1, 0), (100, 2, 0)], False),  # it moved: work goes on
        ([(0, 1, 0), (100, 2, 0), (199, 2, 0)], False),
        ([(0, 1, 0), (100, 2, 0), (200, 2, 0)], True),
        ([(0, 1, 0), (50, None, 0), (100, 1, 0)], False),  # it was gone meanwhile
        ([(0, 1, 0), (100, 1, 30)], False),  # a message that is 30 s old may still explain it
        ([(0, 1, 0), (130, 1, 30)], True),
        ([(0, 1, 500), (100, 1, 600), (200, 1, 0)], True),  # the backlog is gone, and it is still there
        ([(0, 1, 0), (100, 1, 0), (101, 2, 0)], True),  # broken for good, whatever its values
        ([(0, 1, 0), (100, 1, 0), (101, 1, 900)], True),
        ([(0, 1, 0), (100, 1, 0), (101, None, 0)], False),
    ],
)
def test_when_a_difference_counts(passes: list[tuple[int, int | None, int]], broken: bool) -> None:
    suspicions = Suspicions(patience_s=100)
    news = 0
    for now_s, value, in_flight_s in passes:
        found = [] if value is None else [_difference(value=value)]
        news += len(suspicions.note(Invariant.FLAGS_AGREE, found, now_s, in_flight_s))
    assert bool(suspicions.broken(Invariant.FLAGS_AGREE)) == broken
    assert news <= 1, "it is said once"
    assert suspicions.broken(Invariant.EPOCHS_AGREE) == []


def test_what_is_suspected_is_looked_at_again() -> None:
    suspicions = Suspicions(patience_s=0)
    suspicions.note(Invariant.FLAGS_AGREE, [_difference("B"), _difference("A")], 0, 0)
    assert suspicions.subjects(Invariant.FLAGS_AGREE) == ["A", "B"]
    assert [found.subject for found in suspicions.note(Invariant.FLAGS_AGREE, [_difference("B")], 0, 0)] == ["B"]
    assert suspicions.subjects(Invariant.FLAGS_AGREE) == ["B"]
