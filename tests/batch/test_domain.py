"""The rules of batches as tables: what is not allowed is the complement of what is.  Source: product 6."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from fractions import Fraction
from itertools import product
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auditor.domain.sessions import session_of as audited_session_of
from services.batch.domain.approval_rules import ApprovalRules, strictest
from services.batch.domain.filters import BadClause, Clause, SortOrder, parse_clauses, parse_sort
from services.batch.domain.refusals import CommandFacts, is_allowed, refusal, undo_refusal
from services.batch.domain.schedule import decision_window, session_of
from services.batch.domain.states import (
    ACCOUNT,
    BATCH,
    DECIDED,
    OPEN,
    AccountState,
    AccountTransition,
    IllegalTransition,
    Status,
    Tally,
    Transition,
    account_after,
    batch_after,
    result_of,
    states_allowing,
    transition_of,
)  # fmt: skip
from services.batch.views import sentences
from services.batch.views.proposals import band, days_to_long_term, positions_of
from shared.contracts.codes import Term
from shared.contracts.filter_fields import BATCH_FIELDS, QUEUE_FIELDS, FieldKind
from shared.fixed_point.display import percent
from shared.fixed_point.limits import PPB
from shared.ids import event_id
from tests.batch import build

pytestmark = pytest.mark.fast

ALLOWED = {
    ("WORKING", "COLLECTED", "PENDING_APPROVAL"),
    ("WORKING", "ALL_FAILED", "FAILED"),
    ("WORKING", "NONE_LEFT", "CANCELLED"),
    ("WORKING", "DAY_ENDED", "CANCELLED"),
    ("PENDING_APPROVAL", "APPROVE", "APPROVED"),
    ("PENDING_APPROVAL", "CANCEL", "CANCELLED"),
    ("PENDING_APPROVAL", "DAY_ENDED", "CANCELLED"),
    ("PENDING_APPROVAL", "NONE_LEFT", "CANCELLED"),
    ("PENDING_APPROVAL", "REMOVE", "PENDING_APPROVAL"),
    ("PENDING_APPROVAL", "UNDO_REMOVAL", "PENDING_APPROVAL"),
    ("PENDING_APPROVAL", "FIRST_APPROVAL", "PENDING_APPROVAL"),
    ("PENDING_APPROVAL", "SWITCH_LOGIC", "PENDING_APPROVAL"),
    ("PENDING_APPROVAL", "REPROPOSE", "WORKING"),
    ("PENDING_APPROVAL", "EDIT_TRADES", "WORKING"),
}
ACCOUNT_ALLOWED = {
    ("WORKING", "PROPOSAL", "PROPOSED"),
    ("WORKING", "FAILURE", "FAILED"),
    ("WORKING", "CANCEL", "CANCELLED"),
    ("PROPOSED", "REMOVE", "REMOVED"),
    ("REMOVED", "UNDO_REMOVAL", "PROPOSED"),
    ("PROPOSED", "REPROPOSE", "WORKING"),
    ("PROPOSED", "EDIT", "WORKING"),
    ("PROPOSED", "APPROVE", "APPROVED"),
    ("PROPOSED", "CANCEL", "CANCELLED"),
}


def test_the_tables_are_what_the_product_says() -> None:
    assert {(str(a), str(b), str(c)) for (a, b), c in BATCH.items()} == ALLOWED
    assert {(str(a), str(b), str(c)) for (a, b), c in ACCOUNT.items()} == ACCOUNT_ALLOWED


@pytest.mark.parametrize("pair", sorted(set(product(Status, Transition)) - set(BATCH)), ids=lambda pair: "-".join(pair))
def test_every_other_pair_is_illegal_for_a_batch(pair: tuple[Status, Transition]) -> None:
    with pytest.raises(IllegalTransition, match=pair[1]):
        batch_after(*pair)


@pytest.mark.parametrize(
    "pair", sorted(set(product(AccountState, AccountTransition)) - set(ACCOUNT)), ids=lambda pair: "-".join(pair)
)
def test_every_other_pair_is_illegal_for_an_account(pair: tuple[AccountState, AccountTransition]) -> None:
    with pytest.raises(IllegalTransition, match=pair[1]):
        account_after(*pair)


def test_what_is_decided_stays_decided() -> None:
    assert set(Status) == OPEN | DECIDED
    assert not {status for status, _ in BATCH} & DECIDED
    assert set(states_allowing(AccountTransition.CANCEL)) == {"WORKING", "PROPOSED"}


COUNTED = [
    (Tally(working=1, proposed=2), None),
    (Tally(proposed=1, failed=2), Transition.COLLECTED),
    (Tally(failed=3), Transition.ALL_FAILED),
    (Tally(removed=3), Transition.NONE_LEFT),
    (Tally(removed=1, failed=2), Transition.NONE_LEFT),
]


@pytest.mark.parametrize(("tally", "expected"), COUNTED)
def test_counts_say_what_happens_to_the_batch(tally: Tally, expected: Transition | None) -> None:
    assert transition_of(tally) == expected


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("WORKING", None),
        ("PENDING_APPROVAL", None),
        ("APPROVED", "Complete"),
        ("CANCELLED", "Cancelled"),
        ("FAILED", "Failed"),
    ],
)  # fmt: skip
def test_result(status: str, result: str | None) -> None:
    assert result_of(Status(status)) == result


def facts(**values: object) -> CommandFacts:
    given_ = {
        "status": Status.PENDING_APPROVAL, "version": 7, "version_seen": 7, "cancel_at": build.EVENING, "stale": 0,
        "requested_by": "ann", "asked_by": "bob",
    } | values  # fmt: skip
    return CommandFacts(**given_)  # type: ignore[arg-type]  # values of CommandFacts


APPROVALS = [
    ({}, None),
    ({"version_seen": 6}, "VERSION_CHANGED"),
    ({"status": Status.APPROVED, "version_seen": 6}, "DECIDED"),
    ({"status": Status.CANCELLED}, "DECIDED"),
    ({"status": Status.FAILED}, "DECIDED"),
    ({"status": Status.WORKING}, "NOT_READY"),
    ({"cancel_at": build.MORNING}, "DAY_ENDED"),  # now is not before cancel_at
    ({"stale": 1}, "STALE"),
    ({"asked_by": "ann"}, None),
    ({"asked_by": "ann", "four_eyes": True}, "SAME_PERSON"),
    ({"asked_by": "bob", "four_eyes": True}, None),
    ({"note_missing": True}, "NOTE_MISSING"),
    ({"note_missing": True, "stale": 1}, "STALE"),
]


@pytest.mark.parametrize(("values", "why"), APPROVALS)
def test_approval(values: dict[str, object], why: str | None) -> None:
    refused = refusal(Transition.APPROVE, facts(**values), build.MORNING)
    assert (refused.why if refused else None) == why
    assert refused is None or refused.sentence.endswith(".")


def test_stale_and_same_person_hinder_nothing_but_approval() -> None:
    seen = facts(stale=2, asked_by="ann", four_eyes=True)
    others = (Transition.CANCEL, Transition.REMOVE, Transition.REPROPOSE, Transition.SWITCH_LOGIC)
    for transition in (*others, Transition.UNDO_REMOVAL):
        assert refusal(transition, seen, build.MORNING) is None
    nothing = refusal(Transition.REPROPOSE, facts(), build.MORNING)
    assert nothing is not None
    assert nothing.why == "NOTHING_STALE"


def test_a_note_is_asked_for_decisions_alone() -> None:
    seen = facts(note_missing=True)
    refused = refusal(Transition.CANCEL, seen, build.MORNING)
    assert refused is not None and refused.why == "NOTE_MISSING"
    for transition in (Transition.REMOVE, Transition.SWITCH_LOGIC, Transition.UNDO_REMOVAL):
        assert refusal(transition, seen, build.MORNING) is None


LIMITS = [
    (ApprovalRules(), 10**12, 10**6, 1),
    (ApprovalRules(two_above_cents=1_000_00), 1_000_00, 5, 1),  # exactly at the limit is not above it
    (ApprovalRules(two_above_cents=1_000_00), 1_000_01, 5, 2),
    (ApprovalRules(two_above_cents=0), 0, 5, 1),
    (ApprovalRules(two_above_accounts=5), 10**12, 5, 1),
    (ApprovalRules(two_above_accounts=5), 0, 6, 2),
    (ApprovalRules(two_above_cents=1_000_00, two_above_accounts=5), 1_000_01, 1, 2),
]


@pytest.mark.parametrize(("rules", "turnover", "accounts", "approvers"), LIMITS)
def test_how_many_must_approve(rules: ApprovalRules, turnover: int, accounts: int, approvers: int) -> None:
    assert rules.approvers(turnover, accounts) == approvers


def test_of_several_enterprises_the_strictest_rule_holds() -> None:
    some = [ApprovalRules(approver_differs=True, two_above_cents=500), ApprovalRules(note_required=True)]
    assert strictest(some) == ApprovalRules(approver_differs=True, note_required=True, two_above_cents=500)
    more = [*some, ApprovalRules(two_above_cents=0, two_above_accounts=7)]
    assert strictest(more) == ApprovalRules(True, True, 0, 7)
    assert strictest([]) == ApprovalRules()


@pytest.mark.parametrize(
    ("barred", "gone", "allowed", "said"),
    [
        ({"CHANGED": 1}, 0, 0, "(1 account: its facts have changed since its proposal). What is in the queue"),
        (
            {"IN_BATCH": 2, "CHANGED": 1},
            0,
            3,
            "1 account: its facts have changed since its proposal; 2 accounts: they are",
        ),
        ({"LOGIC": 2}, 0, 3, "The other 3 can be put back."),
        ({}, 1, 0, "1 account: it was not removed"),
    ],
)
def test_why_a_removal_is_not_undone(barred: dict[str, int], gone: int, allowed: int, said: str) -> None:
    assert said in undo_refusal(barred, gone, allowed)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", set()),
        ("auditor", set()),
        (
            "trader",
            {
                None,
                Transition.REMOVE,
                Transition.UNDO_REMOVAL,
                Transition.SWITCH_LOGIC,
                Transition.REPROPOSE,
                Transition.CANCEL,
            },
        ),
        ("approver", {Transition.APPROVE, Transition.CANCEL}),
    ],
)
def test_roles(role: str, allowed: set[Transition | None]) -> None:
    commands = (
        None,
        Transition.REMOVE,
        Transition.UNDO_REMOVAL,
        Transition.SWITCH_LOGIC,
        Transition.REPROPOSE,
        Transition.CANCEL,
        Transition.APPROVE,
    )
    assert {transition for transition in commands if is_allowed([role], transition)} == allowed


END_OF_DAY = time(18)
WINDOWS = [
    (datetime(2026, 6, 12, 14, tzinfo=UTC), date(2026, 6, 12), datetime(2026, 6, 12, 22, tzinfo=UTC)),
    (datetime(2026, 6, 12, 22, tzinfo=UTC), date(2026, 6, 15), datetime(2026, 6, 15, 22, tzinfo=UTC)),  # at the cut-off
    (datetime(2026, 6, 13, 12, tzinfo=UTC), date(2026, 6, 15), datetime(2026, 6, 15, 22, tzinfo=UTC)),  # a Saturday
    (datetime(2026, 7, 3, 12, tzinfo=UTC), date(2026, 7, 6), datetime(2026, 7, 6, 22, tzinfo=UTC)),  # holiday observed
    (datetime(2026, 12, 1, 12, tzinfo=UTC), date(2026, 12, 1), datetime(2026, 12, 1, 23, tzinfo=UTC)),  # winter time
]


@pytest.mark.parametrize(("now", "trade_date", "cancel_at"), WINDOWS)
def test_the_day_of_a_batch(now: datetime, trade_date: date, cancel_at: datetime) -> None:
    window = decision_window(now, END_OF_DAY)
    assert (window.trade_date, window.cancel_at) == (trade_date, cancel_at)
    assert window.cancel_at > now


FRIDAY, MONDAY = date(2026, 6, 12), date(2026, 6, 15)
SESSIONS = [
    (datetime(2026, 6, 12, 13, tzinfo=UTC), FRIDAY),  # before the exchange opens
    (datetime(2026, 6, 12, 19, 59, 59, tzinfo=UTC), FRIDAY),  # 15:59:59 in New York
    (datetime(2026, 6, 12, 20, 0, 0, tzinfo=UTC), MONDAY),  # at the close itself
    (datetime(2026, 6, 12, 20, 30, tzinfo=UTC), MONDAY),  # 16:30, before the cut-off
    (datetime(2026, 6, 13, 2, tzinfo=UTC), MONDAY),  # Friday, 22:00 in New York
    (datetime(2026, 6, 13, 16, tzinfo=UTC), MONDAY),  # Saturday
    (datetime(2024, 11, 29, 17, 59, 59, tzinfo=UTC), date(2024, 11, 29)),  # a half day, 12:59:59
    (datetime(2024, 11, 29, 18, 0, 0, tzinfo=UTC), date(2024, 12, 2)),  # it closes at 13:00
    (datetime(2024, 11, 29, 19, 30, tzinfo=UTC), date(2024, 12, 2)),  # 14:30
    (datetime(2026, 7, 2, 19, 59, 59, tzinfo=UTC), date(2026, 7, 2)),  # the eve of a holiday
    (datetime(2026, 7, 2, 20, 0, 0, tzinfo=UTC), date(2026, 7, 6)),  # Friday is the holiday observed
    (datetime(2026, 7, 3, 15, tzinfo=UTC), date(2026, 7, 6)),
    (datetime(2026, 3, 6, 20, 59, 59, tzinfo=UTC), date(2026, 3, 6)),  # winter time: the close is at 21:00 UTC
    (datetime(2026, 3, 6, 21, 0, 0, tzinfo=UTC), date(2026, 3, 9)),
    (datetime(2026, 3, 9, 19, 59, 59, tzinfo=UTC), date(2026, 3, 9)),  # summer time since Sunday: at 20:00 UTC
    (datetime(2026, 3, 9, 20, 0, 0, tzinfo=UTC), date(2026, 3, 10)),
]


@pytest.mark.parametrize(("approved_at", "session"), SESSIONS)
def test_orders_are_traded_on_the_first_session_that_closes_after_the_approval(
    approved_at: datetime, session: date
) -> None:
    """Source: product 3, "After approval"; the auditor, which makes orders anew, has the same rule."""
    assert session_of(approved_at) == session
    assert audited_session_of(approved_at) == session


def test_another_cut_off() -> None:
    assert decision_window(build.MORNING, time(16)).cancel_at == datetime(2026, 6, 12, 20, tzinfo=UTC)


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


def test_percent_rounds_half_away_from_zero() -> None:
    cases = [
        (74_240_000, "7.42%"),
        (74_250_000, "7.43%"),
        (-74_250_000, "(7.43%)"),
        (49_999, "0.00%"),
        (50_000, "0.01%"),
    ]
    assert [percent(ppb) for ppb, _ in cases] == [text for _, text in cases]


@given(st.integers(0, PPB), st.integers(0, 4 * PPB), st.integers(0, PPB))
def test_a_band_holds_its_target_and_stays_within_the_account(target: int, threshold: int, floor: int) -> None:
    """0 <= low <= target <= high <= 1, and a target of 0 has the band [0, 0]."""
    low, high = band(target, threshold, floor)
    assert 0 <= low <= target <= high <= PPB
    assert target or (low, high) == (0, 0)
    width = max(int(Fraction(threshold * target, PPB) + Fraction(1, 2)), floor)
    assert not target or (low, high) == (max(0, target - width), min(PPB, target + width))


@pytest.mark.parametrize(
    ("target", "threshold", "edges"),
    [
        # 250,000,000.5 ppb on each side: to 250,000,001
        (500_000_001, 500_000_000, (250_000_000, 750_000_002)),
        # 1.25 ppb on each side: to 1
        (5, 250_000_000, (4, 6)),
        # 1.5 ppb on each side: to 2
        (6, 250_000_000, (4, 8)),
    ],
)
def test_the_edges_of_a_band_are_shown_with_halves_away_from_the_target(
    target: int, threshold: int, edges: tuple[int, int]
) -> None:
    assert band(target, threshold, 0) == edges


@pytest.mark.parametrize(
    ("target", "rest", "edges"),
    [
        # 0.111111110888888889 is shown as 0.111111111; + and - 50 % are 0.0555555554444.. each: 55,555,555
        (111_111_111, -111_111_111, (55_555_556, 166_666_666)),
        # 0.4 ppb shown as 1: from 0.2 to 0.6, never below 0
        (1, -600_000_000, (1, 1)),
        # 1 less 1e-18 shown as all of it: clipped at 100 %
        (PPB, -1, (500_000_000, PPB)),
    ],
)
def test_the_edges_of_the_band_of_an_exact_target_are_shown_around_the_shown_one(
    target: int, rest: int, edges: tuple[int, int]
) -> None:
    assert band(target, 500_000_000, 0, rest) == edges


@pytest.mark.parametrize(
    ("rest", "target", "exact"),
    [
        (-111_111_111, "0.111111111", "0.111111110888888889"),
        (0, "0.111111111", "0.111111111"),
        (None, "0.111111111", "0.111111111"),  # a result of an early release
    ],
)
def test_a_position_shows_its_target_to_nine_decimals_and_exactly(rest: int | None, target: str, exact: str) -> None:
    result = build.a_result(dict.fromkeys(("account_id", "enterprise_id", "advisor_id", "epoch", "liquidate"), "A1"))
    (position, *_) = result["positions"]
    position |= {"target_ppb": 111_111_111, "target_rest_edge": rest}
    result["securities"][0] |= {"role": None, "price_divisor": None}
    (view,) = positions_of(result, [position], [], [], 1_000_000)
    assert (view.target, view.target_exact) == (target, exact)


def test_every_reason_has_a_sentence() -> None:
    for reason in ("FULL_EXIT", "TO_TARGET", "TO_EDGE", "RAISE_CASH", "PLACE_CASH", "NETTED", "SUBSTITUTE"):
        made = sentences.TradeFacts(reason, -10_000_000, -2_500_000, 60_000_000, 50_000_000, 50_000_000, 0, PPB)
        text = sentences.trade(made)
        assert "6.00%" in text
        assert ("2.5 of 10 units are crossed" in text) == (reason != "NETTED")


@given(st.lists(st.one_of(st.text(), st.integers(), st.dates()), max_size=5))
def test_ids_are_version_5_uuids_of_their_parts(names: list[object]) -> None:
    """The id is what uuid.uuid5 gives."""
    namespace = UUID("6f0f3a4e-6a53-5d0a-9a55-2f1d2b1c7f10")
    assert event_id(*names) == str(uuid5(namespace, "\x1f".join(str(part) for part in names)))


@pytest.mark.parametrize(
    ("term", "gain", "first_day", "days"),
    [
        (Term.SHORT, 100, date(2026, 6, 17), 5),
        (Term.SHORT, 1, date(2026, 6, 13), 1),
        (Term.SHORT, 1, date(2026, 7, 12), 30),
        (Term.SHORT, 1, date(2026, 7, 13), None),  # 31 days: not soon
        (Term.SHORT, 0, date(2026, 6, 17), None),  # waiting saves nothing
        (Term.SHORT, -100, date(2026, 6, 17), None),  # a loss is worth more short-term
        (Term.SHORT, None, date(2026, 6, 17), None),  # no basis: no gain is known
        (Term.LONG, 100, date(2026, 6, 12), None),
        (Term.UNKNOWN, 100, None, None),
    ],
)
def test_days_until_a_short_term_gain_turns_long_term(
    term: Term, gain: int | None, first_day: date | None, days: int | None
) -> None:
    """Source: product 5, long-term iff trade date >= first long-term day; the trade date is Friday 12 June 2026."""
    slice_ = {"term": int(term), "gain_cents": gain, "first_long_term_day": first_day}
    assert days_to_long_term(slice_, build.TRADE_DATE) == days
