"""The rules of batches as tables: what is not allowed is the complement of what is.  Source: product 6."""

from itertools import product

import pytest

from services.batch.domain.approval_rules import ApprovalRules, strictest
from services.batch.domain.refusals import CommandFacts, is_allowed, refusal, undo_refusal
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
