"""The list of history: every filter means what a row shows, search, orders that are stable over pages, and tenancy."""

import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from services.batch.domain.approval_rules import ApprovalRules
from services.batch.store import approval_rules
from shared.contracts.filter_fields import CHOICES, HISTORY_FIELDS, FieldKind
from shared.contracts.tenancy import SYSTEM
from shared.rules.trading_calendar import NEW_YORK
from tests.batch import build
from tests.batch.harness import Harness, Json, User

pytestmark = pytest.mark.integration
MONDAY: Final = datetime(2026, 6, 15, 15, tzinfo=UTC)
LATE: Final = datetime(2026, 6, 13, 1, 30, tzinfo=UTC)  # still the evening of the 12th in New York


def _day(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(NEW_YORK).date().isoformat()


# What a row shows, by field; texts as they are, numbers and days as they are compared.
SHOWN: Final[dict[str, Callable[[Json], Any]]] = {
    "number": lambda row: row["batch_id"],
    "label": lambda row: row["label"],
    "decision": lambda row: row["status"],
    "decided": lambda row: _day(row["decided_at"]),
    "decided_by": lambda row: row["decided_by"],
    "requested": lambda row: _day(row["requested_at"]),
    "requested_by": lambda row: row["requested_by"],
    "trade_date": lambda row: row["trade_date"],
    "accounts": lambda row: row["accounts"],
    "complete": lambda row: row["accounts"] - row["counts"]["failed"] - row["counts"]["removed"],
    "failed": lambda row: row["counts"]["failed"],
    "removed": lambda row: row["counts"]["removed"],
    "turnover": lambda row: row["turnover"],
    "short_term": lambda row: row["short_term"],
    "long_term": lambda row: row["long_term"],
    "estimated": lambda row: row["estimated"],
}


MEETS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq, "in": operator.eq, "gte": operator.ge, "lte": operator.le,
}  # fmt: skip


async def _history(harness: Harness) -> User:
    """Decide five requests: approved, cancelled, failed, ended with the day, cancelled in the night."""
    pat, olivia = harness.user(), harness.user("Olivia")
    await harness.queue("A1", "A2", "A3", "B1", "C1", "C2", "D1", "D2", "E1", "E2", "E3", "E4")
    approved = await pat.pending("A1", "A2", "A3", label="Quarter end")
    await olivia.done(await pat.remove(approved, "A3"), "approve", {"note": "Looked at with Ruth"})
    await pat.done(await olivia.pending("B1", label="Late 100%"), "cancel")
    failed = await pat.propose("C1", "C2")
    await harness.reply(failed["batch_id"], failing=("C1", "C2"))
    await pat.pending("D1", "D2")
    harness.clock.instant = build.EVENING
    await harness.sweeps.end_days()
    harness.clock.instant = LATE
    late = await pat.pending("E1", "E2", "E3", "E4")
    harness.clock.instant = MONDAY
    await pat.done(late, "cancel")
    return pat


async def _listed(user: User, **query: Any) -> list[Json]:
    page = await user.get("/v1/batches", state="history", **query)
    assert page["total"] >= len(page["rows"])
    return list(page["rows"])


def _numbers(rows: list[Json]) -> list[int]:
    return [row["batch_id"] for row in rows]


def _compared(field: str, row: Json) -> Any:
    value = SHOWN[field](row)
    return float(value) if HISTORY_FIELDS[field] is FieldKind.DOLLARS else value  # to compare small test amounts only


def _sorted_by(field: str, row: Json) -> Any:
    """Return what an order compares: of an instant itself, not the day."""
    return row[f"{field}_at"] if field in ("decided", "requested") else _compared(field, row)


async def test_every_filter_means_what_the_rows_show(harness: Harness) -> None:
    pat = await _history(harness)
    rows = await _listed(pat)
    assert len(rows) == 5 and SHOWN.keys() == HISTORY_FIELDS.keys()
    assert [row["status"] for row in rows].count("CANCELLED") == 3
    for field, kind in HISTORY_FIELDS.items():
        shown = {SHOWN[field](row) for row in rows} - {""}
        assert len(shown) > 1 or field in ("short_term", "requested"), field
        for value in shown:
            for op in kind.ops:
                text = value.swapcase() if kind is FieldKind.TEXT and field not in CHOICES else value
                row_values = {row["batch_id"]: _compared(field, row) for row in rows}
                wanted = float(value) if kind is FieldKind.DOLLARS else value
                expected = [number for number, of in row_values.items() if MEETS[op](of, wanted)]
                found = _numbers(await _listed(pat, f=f"{field}.{op}.{text}"))
                assert found == expected, (field, op, value)


async def test_the_day_of_an_instant_is_that_of_new_york(harness: Harness) -> None:
    pat = await _history(harness)
    assert len(await _listed(pat, f="requested.eq.2026-06-12")) == 5, "one of them was on the 13th in Greenwich"
    assert await _listed(pat, f="requested.gte.2026-06-13") == []
    assert [len(await _listed(pat, f=f"decided.eq.2026-06-{day}")) for day in (12, 13, 15)] == [4, 0, 1]
    for extreme in ("0001-01-01", "9999-12-31"):
        assert await _listed(pat, f=f"decided.eq.{extreme}") == []


async def test_filters_are_anded_and_a_value_that_nothing_has_matches_nothing(harness: Harness) -> None:
    pat = await _history(harness)
    both = await _listed(pat, f=["decision.in.CANCELLED|FAILED", "decided_by.eq.system", "accounts.lte.2"])
    assert [row["reason"] for row in both] == ["END_OF_DAY", "ALL_FAILED"]
    for nothing in ("label.eq.nothing", "decided_by.eq.Ruth", "accounts.gte.1000", "number.eq.999999"):
        assert await _listed(pat, f=nothing) == []
    for unreadable in ("result.eq.x", "decision.eq.DONE", "accounts.in.1", "decided.eq.yesterday"):
        response = await pat.ask("GET", "/v1/batches", params={"state": "history", "f": unreadable})
        assert (response.status_code, response.json()["code"]) == (422, "bad_input"), unreadable


async def test_nobody_has_decided_what_is_open(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.pending("A1", label="Open")
    for f, found in (("decided_by.eq.System", []), ("label.eq.open", [batch["batch_id"]])):
        assert _numbers((await pat.get("/v1/batches", state="open", f=f))["rows"]) == found


async def test_both_of_two_approvers_are_found(harness: Harness) -> None:
    async with harness.database.transaction(SYSTEM) as connection:
        rules = ApprovalRules(two_above_accounts=1)
        await approval_rules.add(connection, "E1", rules, "ops", harness.clock.now())
    ann, bob = harness.user("Ann"), harness.user("Bob")
    await harness.queue("A1", "A2")
    batch = await ann.done(await ann.pending("A1", "A2"), "approve")
    await bob.done(batch, "approve")
    for name in ("ann", "bob"):
        assert _numbers(await _listed(ann, f=f"decided_by.eq.{name}")) == [batch["batch_id"]]
    assert _numbers(await _listed(ann, q="ANN")) == [batch["batch_id"]]


async def test_search_finds_number_name_note_and_person(harness: Harness) -> None:
    pat = await _history(harness)
    rows = await _listed(pat)
    by_label = {row["label"]: row["batch_id"] for row in rows}
    for text, label in (
        ("quarter", "Quarter end"),
        ("RUTH", "Quarter end"),
        ("100%", "Late 100%"),
        ("00B1", "Late 100%"),
    ):
        assert _numbers(await _listed(pat, q=text)) == [by_label[label]], text
    assert by_label["Quarter end"] in _numbers(await _listed(pat, q=str(by_label["Quarter end"])))
    assert len(await _listed(pat, q="olivia")) == 2
    for nothing in ("%", "_", "nobody"):
        assert [row["label"] for row in await _listed(pat, q=nothing)] == (["Late 100%"] if nothing == "%" else [])


@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
async def test_orders_are_stable_over_pages(harness: Harness, down: bool) -> None:
    pat = await _history(harness)
    newest_first = await _listed(pat)
    assert _numbers(newest_first) == sorted(_numbers(newest_first), reverse=True)
    for field in HISTORY_FIELDS:
        known = [row for row in newest_first if SHOWN[field](row) != ""]
        values = sorted({_sorted_by(field, row) for row in known})
        ranks = {row["batch_id"]: values.index(_sorted_by(field, row)) * (-1 if down else 1) for row in known}
        ordered = sorted(known, key=lambda row: ranks[row["batch_id"]])  # noqa: B023  # used at once
        expected = _numbers([*ordered, *[row for row in newest_first if row not in known]])
        sort = f"-{field}" if down else field
        paged = [row for page in (1, 2, 3) for row in await _listed(pat, sort=sort, size=2, page=page)]
        assert _numbers(paged) == expected, sort


async def test_the_count_is_of_what_matches_and_of_what_one_may_see(harness: Harness) -> None:
    pat = await _history(harness)
    page = await pat.get("/v1/batches", state="history", f="decision.eq.CANCELLED", size=2)
    assert (len(page["rows"]), page["total"]) == (2, 3)
    stranger = harness.user("Eve", enterprises=["E2"])
    for query in ({}, {"q": "quarter"}, {"f": "decided_by.eq.Olivia"}, {"sort": "-turnover"}):
        page = await stranger.get("/v1/batches", state="history", **query)
        assert page == {"rows": [], "total": 0}
