"""What the event log says of a day, whatever came twice, in whatever order of keys, and of how many incarnations."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import orjson
import pyarrow as pa
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from services.auditor.cli.replay import report, run
from services.auditor.columns.logged_day import LoggedDay, LoggedMessage
from services.auditor.columns.sheets import LineKind, SheetLine, changed_fields, compare_lines, sheet_line, written
from services.auditor.operations.event_log import cut_after
from services.auditor.operations.replay import CannotReplay, DayComparison, refuse_day
from services.auditor.settings import Settings
from shared.contracts import chunks, codec
from shared.runtime import log

pytestmark = pytest.mark.fast
DAY = date(2026, 6, 12)
FIRST, SECOND = "/rebalancer/batch/aaaaaaaaaaaa", "/rebalancer/batch/bbbbbbbbbbbb"
NOW = datetime(2026, 6, 15, 15, 0, tzinfo=UTC)
Json = dict[str, Any]


def a_batch(batch_id: int, version: int, **values: Any) -> Json:
    """Return an event of a batch."""
    return {
        "batch_id": batch_id, "enterprise_id": "E1", "enterprise_ids": ["E1"], "advisor_ids": ["D1"],
        "version": version, "status": "PENDING_APPROVAL", "logic": "BEST_FIT", "accounts": 2, "working": 0,
        "proposed": 2, "failed": 0, "removed": 0, "requested_by": "pat", "trade_date": "2026-06-12",
        "requested_at": "2026-06-12T14:00:00Z", "cancel_at": "2026-06-12T22:00:00Z",
    } | values  # fmt: skip


def released(account: str, batch_id: int = 1, **values: Any) -> Json:
    """Return an event of released orders: one buy."""
    order = {
        "order_id": f"o-{account}", "security_id": "AAA", "side": "BUY", "quantity": "10", "reference_price": "100",
        "order_type": "MARKET", "time_in_force": "DAY", "currency": "USD", "idempotency_key": f"o-{account}",
    }  # fmt: skip
    return {
        "account_id": account, "enterprise_id": "E1", "advisor_id": "D1", "custodian": "SCHW", "account_number": "1",
        "batch_id": batch_id, "version": 1, "trade_date": "2026-06-12", "business_date": "2026-06-12",
        "session": "2026-06-12", "decided_by": "lee", "decided_name": "Lee", "orders": [order], "allocations": [],
        "lots": [], "transfers": [],
    } | values  # fmt: skip


def reported(account: str, version: int, **values: Any) -> Json:
    """Return a report about that order."""
    return {
        "order_id": f"o-{account}", "account_id": account, "enterprise_id": "E1", "batch_id": 1, "security_id": "AAA",
        "version": version, "status": "ACCEPTED", "at": "2026-06-12T15:00:00Z",
    } | values  # fmt: skip


def a_return(batch_id: int, account: str, reason: str) -> bytes:
    """Return a chunk that says an account left a batch."""
    row = {"account_id": account, "enterprise_id": "E1", "advisor_id": "D1", "epoch": 0, "reason": reason}
    return codec.encode(pa.RecordBatch.from_pylist([row], schema=chunks.RETURNED), {"batch_id": str(batch_id)})


def messages(bodies: Sequence[Json | bytes], source: str = FIRST) -> list[LoggedMessage]:
    """Return messages with these values."""
    values = [body if isinstance(body, bytes) else orjson.dumps(body) for body in bodies]
    return [LoggedMessage(value, source, f"t/0/{offset}") for offset, value in enumerate(values)]


def contents(lines: Sequence[SheetLine]) -> list[Json]:
    """Return the facts of lines in the order of a sheet."""
    return [orjson.loads(line) for line in written(lines).splitlines()]


def a_day() -> LoggedDay:
    """Return an empty day, to be compared with the database of the first incarnation."""
    return LoggedDay(DAY, FIRST.rpartition("/")[2])


NOTED: dict[str, tuple[Callable[[LoggedDay, list[LoggedMessage]], None], list[Json | bytes]]] = {
    "batches": (
        LoggedDay.note_batches,
        [a_batch(1, 1), a_batch(2, 1), a_batch(1, 2, status="APPROVED", decided_at="2026-06-12T15:00:00Z"),
         a_batch(2, 2, removed=1), a_batch(9, 1, trade_date="2026-06-11")],
    ),
    "returned": (
        LoggedDay.note_returned,
        [a_return(1, "A3", "REMOVED"), a_return(2, "A4", "FAILED"), a_return(9, "A5", "FAILED")],
    ),
    "orders": (LoggedDay.note_orders, [released("A1"), released("A2"), released("A7", business_date="2026-06-11")]),
    "executions": (
        LoggedDay.note_executions,
        [reported("A1", 1), reported("A2", 1), reported("A1", 2, status="FILLED", quantity="10.0", price="99.5"),
         reported("A1", 3, status="FILLED", quantity="11", price="99.5"), reported("A9", 1), b"no report"],
    ),
}  # fmt: skip
"""Each topic with messages in the order in which they were sent."""


def test_the_newest_of_everything_is_the_day() -> None:
    day = a_day()
    for note, bodies in NOTED.values():
        note(day, messages(bodies))
    names = ("kind", "batch_id", "account_id", "version")
    assert [tuple(line.get(name) for name in names) for line in contents(day.lines())] == [
        ("batch", 1, None, 2), ("batch", 2, None, 2), ("execution", 1, "A1", 2), ("execution", 1, "A2", 1),
        ("member", 1, "A1", None), ("member", 1, "A2", None), ("member", 1, "A3", None), ("member", 2, "A4", None),
        ("orders", 1, "A1", 1), ("orders", 1, "A2", 1),
    ]  # fmt: skip
    filled = contents(day.lines())[2]
    assert (filled["quantity"], filled["price"], filled["status"]) == ("10", "99.5", "FILLED")
    assert day.unreadable == []


@settings(deadline=None)
@given(st.data())
def test_what_comes_again_or_in_another_order_of_keys_changes_nothing(data: st.DataObject) -> None:
    plain, shaken = a_day(), a_day()
    for note, bodies in NOTED.values():
        note(plain, messages(bodies))
        first = messages(bodies)
        keys = [_key(message.value) for message in first]
        ranks = {key: rank for rank, key in enumerate(data.draw(st.permutations(sorted(set(keys)))))}
        order = [index for _, index in sorted((ranks[key], index) for index, key in enumerate(keys))]
        again = data.draw(st.lists(st.sampled_from(range(len(first))), max_size=6))
        note(shaken, [first[index] for index in [*order, *again]])
    assert written(plain.lines()) == written(shaken.lines())


def _key(value: bytes) -> str:
    """Return what a message is about: its key on the topic."""
    try:
        event = orjson.loads(value)
    except ValueError:
        return "chunk"
    return str(event.get("account_id", event["batch_id"]))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([FIRST, SECOND]), st.integers(1, 3)), min_size=1, max_size=8))
def test_of_several_incarnations_the_one_that_came_last_is_in_force(sent: list[tuple[str, int]]) -> None:
    day = a_day()
    for offset, (source, version) in enumerate(sent):
        value = orjson.dumps(a_batch(1, version, requested_by=source[-1]))
        day.note_batches([LoggedMessage(value, source, f"t/0/{offset}")])
    appeared = list(dict.fromkeys(source for source, _ in sent))
    newest = max(version for source, version in sent if source == appeared[-1])
    (line,) = contents(day.lines())
    assert (line["requested_by"], line["version"]) == (appeared[-1][-1], newest)


def test_one_version_with_two_contents_is_two_lines() -> None:
    day = a_day()
    day.note_batches(messages([a_batch(1, 2), a_batch(1, 2, requested_by="mallory")]))
    assert [line["requested_by"] for line in contents(day.lines())] == ["mallory", "pat"]


def test_counts_that_no_event_tells_are_left_out() -> None:
    day = a_day()
    day.note_batches(messages([a_batch(1, 1, status="WORKING", working=2, proposed=0)]))
    (line,) = contents(day.lines())
    assert not {"working", "proposed", "failed"} & line.keys()


def test_events_of_early_releases_and_other_incarnations_are_noted_as_such() -> None:
    day = a_day()
    early = {name: value for name, value in a_batch(1, 1).items() if name not in ("requested_at", "cancel_at")}
    day.note_batches(messages([early]))
    day.note_orders(messages([{name: value for name, value in released("A1").items() if name != "session"}]))
    day.note_orders(messages([released("A2")], SECOND))
    lines = contents(day.lines())
    assert (day.old.batches, day.old.orders, day.old.foreign) == ({1}, {(1, "A1")}, {(1, "A2")})
    orders = {line["account_id"]: line for line in lines if line["kind"] == "orders"}
    assert "decided_by" not in orders["A1"] and "currency" not in orders["A1"]["orders"][0]
    assert "order_id" not in orders["A2"]["orders"][0] and orders["A2"]["orders"][0]["currency"] == "USD"


def test_orders_of_a_release_that_did_not_tell_the_business_date_have_it_as_their_trade_date() -> None:
    """Approved after the close: of a later release they say the same."""
    later = released("A1", trade_date="2026-06-15", session="2026-06-15")
    before = {name: value for name, value in later.items() if name != "business_date"} | {"trade_date": "2026-06-12"}
    days = [a_day(), a_day()]
    for day, body in zip(days, (later, before), strict=True):
        day.note_orders(messages([body]))
    assert written(days[0].lines()) == written(days[1].lines())
    assert [line["trade_date"] for line in contents(days[0].lines()) if line["kind"] == "orders"] == ["2026-06-15"]


def test_what_is_no_event_is_said_with_where_it_lies() -> None:
    day = a_day()
    day.note_batches(messages([b"{", b'{"trade_date":"2026-06-12"}']))
    day.note_returned(messages([b"x"]))
    assert [sentence.split(" ")[0] for sentence in day.unreadable] == ["t/0/0", "t/0/1", "t/0/0"]


def test_lines_are_compared_as_sets_and_differences_name_the_fields() -> None:
    def line(batch: int, origin: str, **facts: Any) -> SheetLine:
        return sheet_line(LineKind.BATCH, batch, "", "", {"batch_id": batch} | facts, origin)

    log = [line(1, "t/0/1", status="A"), line(1, "t/0/9", status="A"), line(2, "t/0/2"), line(10, "t/0/3")]
    store = [line(10, "batch"), line(1, "batch", status="B"), line(3, "batch")]
    found = list(compare_lines(log, store))
    assert [(of.key[1], len(of.log), len(of.store)) for of in found] == [(1, 1, 1), (2, 1, 0), (3, 0, 1)]
    assert found[0].log[0].origin == "t/0/1", "where it came first"
    assert changed_fields(found[0]) == {"status": ("A", "B")}
    assert changed_fields(found[1]) == {}


@pytest.mark.parametrize(
    ("day", "says"),
    [
        (date(2026, 6, 13), "no session of the exchange: what was done on it belongs to 2026-06-15"),
        (date(2026, 6, 16), "in the future: the business date is 2026-06-15"),
        (date(2026, 3, 2), "before the event log: it keeps every event for 90 days"),
        (date(2199, 1, 1), "beyond the exchange calendar"),
    ],
    ids=str,
)
def test_a_day_that_cannot_be_rebuilt_is_refused_with_the_reason(day: date, says: str) -> None:
    with pytest.raises(CannotReplay, match=says):
        refuse_day(day, NOW, 90)


def test_a_topic_that_begins_after_a_day_has_lost_some_of_it() -> None:
    refuse_day(date(2026, 6, 15), NOW, 90)
    assert cut_after(["2026-06-12T10:00:00Z", "", "2026-06-12T11:00:00Z"], NOW) is None
    assert cut_after(["2026-06-16T10:00:00Z"], NOW) == "2026-06-16T10:00:00Z"


def test_a_command_that_cannot_compare_says_why_and_ends_with_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "configure", no_change)
    given_settings = Settings(kafka_url="127.0.0.1:1", http_port=1, database_url="postgresql://nobody@127.0.0.1:1/none")
    for day, says in (("yesterday", "'yesterday' is no day"), ("1999-01-04", "1999-01-04 is before the event log")):
        with pytest.raises(typer.Exit) as ended:
            run(given_settings, day, None)
        assert ended.value.exit_code == 2
        assert says in capsys.readouterr().err


def no_change(*_given: object) -> None:
    """Leave the log of the tests as it is: loggers that are first used meanwhile would stay as quiet as a command."""


def test_a_report_shows_the_first_differences_and_counts_the_others() -> None:
    logged = [
        sheet_line(LineKind.BATCH, number, "", "", {"batch_id": number}, f"t/0/{number}") for number in range(1, 26)
    ]
    found = DayComparison(
        logged, [], list(compare_lines(logged, [])), is_over=False, unpublished=3, unreadable=["t/0/9 is no event"] * 7,
        messages=25, rebuilt=logged[:1], moved=1,
    )  # fmt: skip
    lines = list(report(DAY, found))
    assert lines[0] == "2026-06-12: 25 messages of the event log"
    assert lines[1].startswith("  event log 25 batch; sha256 ") and lines[2].startswith("  stores    nothing; sha256 ")
    assert "3 messages wait" in lines[3] and lines[4].startswith("1 lines of the queue are rebuilt")
    assert lines[10:12] == ["... and 2 more messages that cannot be read", "25 differences"]
    assert lines[12:14] == ["batch 1: the stores do not have it", '  log   t/0/1: {"batch_id":1,"kind":"batch"}']
    assert lines[-1].startswith("... and 5 more")
    assert not found.is_identical
