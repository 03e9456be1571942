"""The gateway's pure rules."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.change_log import ChangeLog
from services.gateway.domain.changes import INTERVAL_S, AnyOwner, Audience, Change, OfEnterprise, SomeOfBatch, Throttle
from services.gateway.domain.return_address import safe_return
from services.gateway.domain.session import TOUCH_EVERY, SessionLimits, is_touch_due, standing
from services.gateway.push.event_ids import EventIds
from shared.contracts.tenancy import Scope

pytestmark = pytest.mark.fast
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LIMITS = SessionLimits(timedelta(minutes=30), timedelta(hours=12))


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    ("age", "unused", "expected"),
    [
        (0, 0, "ALIVE"),
        (600, 29.9, "ALIVE"),
        (600, 30, "IDLE"),
        (719.9, 0, "ALIVE"),
        (720, 0, "OVER"),
        (720, 30, "OVER"),
        (-60, -60, "ALIVE"),  # the clock was set back
    ],
)
def test_when_a_session_ends(age: float, unused: float, expected: str) -> None:
    assert standing(NOON - minutes(age), NOON - minutes(unused), NOON, LIMITS) == expected


@pytest.mark.parametrize(("ago_s", "due"), [(0, False), (29, False), (30, True), (-29, False), (-3600, True)])
def test_a_use_is_written_down_now_and_then(ago_s: float, due: bool) -> None:
    assert timedelta(seconds=30) == TOUCH_EVERY
    assert is_touch_due(NOON - timedelta(seconds=ago_s), NOON) is due


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, "/"),
        ("", "/"),
        ("/batches/7?tab=a", "/batches/7?tab=a"),
        ("/apis", "/apis"),
        ("https://evil.example/", "/"),
        ("//evil.example/x", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
        ("javascript:alert(1)", "/"),
        ("queue", "/"),
        ("/api/v1/me", "/"),
        ("/auth/login", "/"),
        ("/" + "x" * 2000, "/"),
    ],
)
def test_sign_in_returns_only_to_our_pages(wanted: str | None, expected: str) -> None:
    assert safe_return(wanted) == expected


@given(st.text())
def test_sign_in_never_leaves_this_host(wanted: str) -> None:
    back = safe_return(wanted)
    assert back.startswith("/") and not back.startswith(("//", "/\\"))


def queue(enterprise: str, version: int) -> Change:
    return Change("queue", enterprise, version, OfEnterprise(enterprise))


def test_the_first_change_passes_at_once_and_a_burst_is_one_more() -> None:
    gatherer = Throttle()
    assert gatherer.offer([queue("E1", 1)], 10.0) == [queue("E1", 1)]
    for step, version in enumerate(range(2, 6)):
        assert gatherer.offer([queue("E1", version)], 10.0 + step * 0.05) == []
    assert gatherer.wait_s(10.2) == pytest.approx(0.05)
    assert gatherer.offer([queue("E2", 1)], 10.2) == [queue("E2", 1)]
    assert gatherer.offer([], 10.0 + INTERVAL_S) == [queue("E1", 5)]
    assert gatherer.wait_s(10.3) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["E1", "E2"]), st.integers(0, 100), st.floats(0, 0.4, allow_nan=False)), max_size=60
    )
)
def test_at_most_four_a_second_and_the_highest_version_always_arrives(
    offered: list[tuple[str, int, float]],
) -> None:
    gatherer, now_s, sent = Throttle(), 0.0, []
    for enterprise, version, later_s in offered:
        now_s += later_s
        sent += [(now_s, change) for change in gatherer.offer([queue(enterprise, version)], now_s)]
    sent += [(now_s + 1, change) for change in gatherer.offer([], now_s + 1)]
    for enterprise in ("E1", "E2"):
        times = [at for at, change in sent if change.entity == enterprise]
        assert all(later - earlier >= INTERVAL_S for earlier, later in pairwise(times))
        versions = [version for name, version, _ in offered if name == enterprise]
        assert max((change.version for _, change in sent if change.entity == enterprise), default=None) == max(
            versions, default=None
        )
    assert gatherer.wait_s(now_s + 1) is None


def test_who_may_hear_of_a_change() -> None:
    ann, dora, bob = (Scope("ann", ("E1",), None), Scope("dora", ("E1",), ("V2",)), Scope("bob", ("E2", "E3"), None))
    everybody = (ann, dora, bob, Scope("nobody"))

    def heard(audience: Audience) -> list[str]:
        return [who.subject for who in everybody if audience.includes(who)]

    assert heard(OfEnterprise("E1")) == ["ann", "dora"]
    assert heard(SomeOfBatch(frozenset({"E1"}), frozenset({"V2"}))) == ["ann", "dora"]
    assert heard(SomeOfBatch(frozenset({"E1"}), frozenset({"V1", "V2"}))) == ["ann", "dora"]
    assert heard(SomeOfBatch(frozenset({"E1"}), frozenset({"V1"}))) == ["ann"]
    assert heard(SomeOfBatch(frozenset({"E1", "E2"}), frozenset({"V1"}))) == ["ann", "bob"]
    assert heard(SomeOfBatch(frozenset({"E4"}), frozenset({"V2"}))) == []
    assert heard(SomeOfBatch(frozenset(), frozenset())) == []
    assert heard(AnyOwner(frozenset({("E1", "V2"), ("E2", "V9")}))) == ["ann", "dora", "bob"]
    assert heard(AnyOwner(frozenset({("E1", "V1")}))) == ["ann"]
    assert heard(AnyOwner(frozenset(), "bob")) == ["bob"]
    assert heard(AnyOwner(frozenset())) == []


def test_what_was_missed_is_told_while_it_is_kept() -> None:
    log = ChangeLog(3)
    assert [log.add(queue("E1", version)).number for version in range(1, 6)] == [1, 2, 3, 4, 5]
    assert log.last == 5
    assert [numbered.change.version for numbered in log.since(3) or []] == [4, 5]
    assert [numbered.change.version for numbered in log.since(2) or []] == [3, 4, 5]
    assert log.since(5) == []
    assert log.since(1) is None, "change 2 is forgotten"
    assert log.since(6) is None, "there was none"


def test_an_event_id_reveals_its_number_to_its_maker_only() -> None:
    event_ids = EventIds()
    ids = [event_ids.id_of(number) for number in (1, 1, 2, 10**6)]
    assert [event_ids.number_of(event_id) for event_id in ids] == [1, 1, 2, 10**6]
    assert len(set(ids)) == 4 and len({len(event_id) for event_id in ids}) == 1
    flipped = ids[0][:-1] + ("A" if ids[0][-1] != "A" else "B")
    for foreign in (EventIds().id_of(1), flipped, ids[0][:-4], ids[0] + "AAAA", "run-1", "", "4", "\u0663", "A" * 48):
        assert event_ids.number_of(foreign) is None, foreign
