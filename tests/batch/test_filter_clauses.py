"""Filters of columns: clauses as texts, and what equal means of what is shown.  Source: product 7."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.batch.domain.filters import BadClause, Clause, SortOrder, parse_clauses, parse_sort
from shared.contracts.filter_fields import BATCH_FIELDS, QUEUE_FIELDS, FieldKind

pytestmark = pytest.mark.fast


PARSED = [
    ("market_value.gte.50000", Clause("market_value", FieldKind.DOLLARS, "gte", (5_000_000,))),
    ("market_value.lte.0.5", Clause("market_value", FieldKind.DOLLARS, "lte", (50,))),
    ("max_drift.gte.0.05", Clause("max_drift", FieldKind.FRACTION, "gte", (50_000_000,))),
    ("cash.eq.-12.34", Clause("cash", FieldKind.DOLLARS, "eq", (-1234, -1234))),
    ("drifted.gte.3", Clause("drifted", FieldKind.COUNT, "gte", (3,))),
    ("custodian.in.SCHW|FIDX", Clause("custodian", FieldKind.TEXT, "in", ("SCHW", "FIDX"))),
    ("portfolio_id.eq.E1.P2", Clause("portfolio_id", FieldKind.TEXT, "eq", ("E1.P2",))),
    ("needed_since.gte.2026-06-12", Clause("needed_since", FieldKind.DAY, "gte", (date(2026, 6, 12),))),
    ("last_rebalanced.eq.2026-02-28", Clause("last_rebalanced", FieldKind.DAY, "eq", (date(2026, 2, 28),))),
]


@pytest.mark.parametrize(("text", "clause"), PARSED)
def test_clauses(text: str, clause: Clause) -> None:
    assert parse_clauses([text], QUEUE_FIELDS) == [clause]


REFUSED = [
    ("market_value", "field.op.value"),
    ("market_value.gte.", "field.op.value"),
    ("weight.gte.1", "no field 'weight'; fields are account_number"),
    ("market_value.in.1|2", "takes eq, gte, lte"),
    ("custodian.gte.A", "takes eq, in"),
    ("market_value.gte.ten", "not a plain decimal"),
    ("market_value.gte.1e3", "not a plain decimal"),
    ("market_value.gte.0.001", "more than 2 decimals"),
    ("drifted.eq.1.5", "more than 0 decimals"),
    ("market_value.gte.999999999999999999", "too large"),
    ("custodian.in.SCHW||FIDX", "none of them empty"),
    ("needed_since.eq.2026-02-30", "a day is written as"),
    ("needed_since.gte.20260612", "a day is written as"),
    ("needed_since.in.2026-06-12", "takes eq, gte, lte"),
    ("source.eq.drift", "no source 'drift'; there are REBALANCER_ON"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_clause_that_cannot_be_understood_says_what_would_be_right(text: str, message: str) -> None:
    assert repr(text) in (said := _said_of(lambda: parse_clauses([text], QUEUE_FIELDS)))
    assert re.search(message, said)


def _said_of(parse: Callable[[], object]) -> str:
    """Return what programs are told of a clause that cannot be read."""
    with pytest.raises(BadClause) as caught:
        parse()
    return str(caught.value.extra["errors"][0]["detail"])


def test_results_are_named() -> None:
    assert parse_clauses(["result.in.COMPLETE|FAILED"], BATCH_FIELDS)[0].values == ("COMPLETE", "FAILED")
    assert "no result 'DONE'" in _said_of(lambda: parse_clauses(["result.eq.DONE"], BATCH_FIELDS))


EQUAL = [
    ("market_value.eq.100", (9_950, 10_049)),
    ("market_value.eq.-100", (-10_049, -9_950)),
    ("market_value.eq.0", (-49, 49)),
    ("market_value.eq.100.00", (10_000, 10_000)),
    ("market_value.eq.100.5", (10_050, 10_050)),
    ("market_value.eq.100.5000", (10_050, 10_050)),
    ("cash_weight.eq.0.125", (124_500_000, 125_499_999)),
    ("cash_weight.eq.0.1255", (125_450_000, 125_549_999)),
    ("cash_weight.eq.0.05", (49_500_000, 50_499_999)),
    ("cash_weight.eq.0.123456789", (123_456_789, 123_456_789)),
    ("drifted.eq.3", (3, 3)),
    ("market_value.eq.92233720368547758", (9_223_372_036_854_775_750, 9_223_372_036_854_775_807)),
]


@pytest.mark.parametrize(("text", "values"), EQUAL)
def test_equal_means_what_is_shown(text: str, values: tuple[int, int]) -> None:
    assert parse_clauses([text], QUEUE_FIELDS)[0].values == values


@given(st.integers(-(10**9), 10**9))
def test_every_amount_is_equal_to_the_whole_dollars_it_is_shown_as_and_to_no_others(cents: int) -> None:
    shown = (abs(cents) + 50) // 100 * (-1 if cents < 0 else 1)
    for dollars in range(shown - 1, shown + 2):
        values: Any = parse_clauses([f"market_value.eq.{dollars}"], QUEUE_FIELDS)[0].values
        assert (values[0] <= cents <= values[1]) == (dollars == shown)


@given(st.text(max_size=40))
def test_no_text_makes_the_parser_fail_otherwise(text: str) -> None:
    """Any text is a clause or a BadClause."""
    try:
        (clause,) = parse_clauses([text], QUEUE_FIELDS)
    except BadClause:
        return
    assert clause.op in QUEUE_FIELDS[clause.field].ops


def test_kinds_and_sorting() -> None:
    assert FieldKind.TEXT.ops == ("eq", "in")
    assert parse_sort(None, ["name"], "name") == SortOrder("name", down=False)
    assert parse_sort("-name", ["name"], "name") == SortOrder("name", down=True)
    assert "no field 'age'" in _said_of(lambda: parse_sort("-age", ["name"], "name"))
