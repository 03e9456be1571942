"""The newest state of each key, in columns as one would find it by hand; and a queue from its events."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.auditor.columns.logged_day import LoggedMessage
from services.auditor.columns.logged_queue import LoggedQueue
from services.auditor.columns.newest import newest, newest_by_publisher

pytestmark = pytest.mark.fast
CUT_OFF = datetime(2026, 6, 12, 22, 0, tzinfo=UTC)
BEFORE, AFTER = "2026-06-12T21:59:59.999999Z", "2026-06-12T22:00:00.000001Z"
EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(1, 4)), max_size=30)
Event = tuple[str, str, int]


def by_hand(events: list[Event]) -> dict[str, int]:
    """Return by key the number of its newest event: of the publisher that came last, the highest version."""
    found = {}
    for key in sorted({key for key, _, _ in events}):
        mine = [(number, publisher, version) for number, (of, publisher, version) in enumerate(events) if of == key]
        last = list(dict.fromkeys(publisher for _, publisher, _ in mine))[-1]
        found[key] = max((version, -number) for number, publisher, version in mine if publisher == last)[1] * -1
    return found


def table(events: list[Event], start: int = 0) -> pa.Table:
    """Return events as columns."""
    keys, publishers, versions = zip(*events, strict=True) if events else ((), (), ())
    numbers = pa.array(range(start, start + len(events)), pa.int64())
    return pa.table(
        {
            "key": pa.array(keys, pa.string()),
            "publisher": pa.array(publishers, pa.string()),
            "version": pa.array(versions, pa.int64()),
            "first": numbers,
            "number": numbers,
        }
    )


@settings(deadline=None)
@given(EVENTS, st.integers(0, 30))
def test_the_newest_is_what_one_finds_by_hand_also_in_parts(events: list[Event], cut: int) -> None:
    whole = newest(table(events))
    assert dict(zip(*(whole.column(name).to_pylist() for name in ("key", "number")), strict=True)) == by_hand(events)
    tables = [newest_by_publisher(table(events[:cut])), table(events[cut:], start=min(cut, len(events)))]
    in_parts = newest(pa.concat_tables(tables))
    numbers: list[Any] = in_parts.column("number").to_pylist()
    assert sorted(numbers) == sorted(by_hand(events).values())


def a_state(account: str, version: int, state: str = "QUEUED", since: str = BEFORE, **more: Any) -> LoggedMessage:
    """Return an event of where an account is."""
    body = {"account_id": account, "enterprise_id": "E1", "advisor_id": "D1", "version": version, "state": state}
    return LoggedMessage(orjson.dumps(body | {"since": since} | more), "s", f"state/0/{version}")


def a_flag(account: str, version: int, time: str = BEFORE, **more: Any) -> LoggedMessage:
    """Return an event of a flag."""
    body = {"account_id": account, "enterprise_id": "E1", "advisor_id": "D1", "version": version, "state": "FLAGGED"}
    body |= {"tiles": ["LOW_CASH", "HIGH_CASH"], "reasons": [{"weight": "0.1"}]}
    return LoggedMessage(orjson.dumps(body | more), "s", f"flag/0/{version}", time)


def test_a_queue_is_what_was_known_at_its_instant() -> None:
    queue = LoggedQueue(CUT_OFF)
    queue.note_states([a_state("A1", 1), a_state("A2", 1), a_state("A1", 2, "CLEAR", AFTER), a_state("A3", 1)])
    queue.note_states([a_state("A2", 2, "IN_BATCH", batch_id=7, batch_status="WORKING"), a_state("A3", 2, "OFF")])
    queue.note_flags([a_flag("A1", 4), a_flag("A1", 5, AFTER), a_flag("A2", 3), a_flag("A9", 1)])
    lines = {line.key[:3:2]: orjson.loads(line.content) for line in queue.lines()}
    assert sorted(lines) == [("flag", "A1"), ("queue", "A1"), ("queue", "A2")]
    assert lines["flag", "A1"] == {
        "kind": "flag", "account_id": "A1", "state": "FLAGGED", "tiles": ["HIGH_CASH", "LOW_CASH"],
    }  # fmt: skip
    assert (lines["queue", "A2"]["state"], lines["queue", "A2"]["batch_id"]) == ("IN_BATCH", 7)
    assert "batch_id" not in lines["queue", "A1"]
    assert [line.origin for line in queue.lines()] == ["state/0/1", "state/0/2", "flag/0/4"]


def test_what_is_no_event_stops_no_other() -> None:
    queue = LoggedQueue(CUT_OFF + timedelta(days=1))
    queue.note_states(
        [a_state("A1", 1), LoggedMessage(b"{", "s", "t/0/7"), LoggedMessage(b'{"version":"x"}', "s", "t/0/8")]
    )
    assert [sentence.split(" ")[0] for sentence in queue.unreadable] == ["t/0/7", "t/0/8"]
    assert [line.key[2] for line in queue.lines()] == ["A1"]
    assert LoggedQueue(CUT_OFF).lines() == []
