"""Positions and securities of requested accounts, joined by hand.  Source: product 4, "Fine points"."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from services.analyzer.domain import request as rules
from services.analyzer.domain.layout import (
    AIM,
    HOLDING,
    NONE,
    OFF_SETTINGS,
    OWN_ROLE,
    RESTRICTION,
    Ints,
    Ragged,
    Setting,
    key_of,
)
from shared.contracts.codes import HoldingRole, Restriction
from shared.fixed_point.records import Kind, as_records

pytestmark = pytest.mark.fast

Rows = list[tuple[int, ...]]

# Numbers of securities and sleeves, in another order than their ids: C A E B D and T S.
C, A, E, B, D = range(5)
T, S = range(2)
SECURITY_RANK, SLEEVE_RANK = np.array([2, 0, 4, 1, 3]), np.array([1, 0])
# Three portfolios: default threshold 20 and precision 4, 30 and 6, 40 and 8; the last head is that of no target.
HEADS = np.array([[0, 0, 0, 20, 4, 0, 0], [0, 0, 0, 30, 6, 0, 0], [0, 0, 0, 40, 8, 0, 0], [0, 0, 0, 90, 9, 0, 0]])
TARGETS: list[Rows] = [
    [(A, T, 600, NONE, NONE, 1), (B, S, 300, 7, 0, 0), (C, S, 0, 0, 8, 1)],
    [(A, S, 500, NONE, 5, 1), (A, T, 400, 1, NONE, 0)],
    [(B, T, 1, NONE, NONE, 1)],
]


@dataclass
class Asked:
    """An account: its target, what it holds and may not do, its own threshold and precision."""

    target: int = NONE
    holds: list[tuple[int, int, int]] = field(default_factory=list)  # security, sleeve, units
    bans: list[tuple[int, int, int]] = field(default_factory=list)  # security, flags, substitute
    threshold: int = NONE
    precision: int = NONE

    def settings(self) -> Ints:
        values = OFF_SETTINGS.copy()
        values[[Setting.THRESHOLD_PPB, Setting.PRECISION_PPB]] = self.threshold, self.precision
        return values


def ragged(kind: Kind, accounts: list[Rows]) -> Ragged:
    return Ragged(np.cumsum([0, *map(len, accounts)]), as_records(kind, [row for rows in accounts for row in rows]))


def targets(*portfolios: Rows) -> Ragged:
    return ragged(AIM, [[(key_of(row[0], row[1]), *row[2:], 0) for row in rows] for rows in portfolios])


def joined(asked: list[Asked], aims: Ragged) -> rules.JoinedPositions:
    return rules.join(
        np.stack([request.settings() for request in asked]),
        ragged(RESTRICTION, [list(request.bans) for request in asked]),
        ragged(HOLDING, [[(key_of(a, b), units) for a, b, units in request.holds] for request in asked]),
        np.array([request.target for request in asked]),
        HEADS,
        aims,
        SECURITY_RANK,
        SLEEVE_RANK,
    )


def read(found: rules.JoinedPositions, account: int) -> tuple[Rows, Rows]:
    """Return (security, sleeve, 5 values) of each position, and (security, restriction, substitute) of each security.

    All are numbers of the store; NONE where there is no substitute.
    """
    own = slice(found.security_starts[account], found.security_starts[account + 1])
    numbers = found.security_no[own].tolist()
    rows = slice(found.starts[account], found.starts[account + 1])
    positions: Rows = [
        (numbers[index], sleeve, *values[:5])
        for index, sleeve, values in zip(
            found.security[rows].tolist(), found.sleeve_no[rows].tolist(), found.values[rows].tolist(), strict=True
        )
    ]
    securities: Rows = [
        (number, flags, NONE if other == NONE else numbers[other])
        for number, flags, other in zip(
            numbers, found.restriction[own].tolist(), found.substitute[own].tolist(), strict=True
        )
    ]
    return positions, securities


BUY, SELL = int(Restriction.DO_NOT_BUY), int(Restriction.DO_NOT_SELL)


@pytest.mark.parametrize(
    ("asked", "positions", "securities"),
    [
        (Asked(), [], []),
        # a target alone: the component's own thresholds, or else the portfolio's; 0 is one of its own
        (
            Asked(0),
            [(A, T, 0, 600, 20, 4, 1), (B, S, 0, 300, 7, 0, 0), (C, S, 0, 0, 0, 8, 1)],
            [(A, 0, NONE), (B, 0, NONE), (C, 0, NONE)],
        ),
        # the account's thresholds go before the portfolio's, each by itself, 0 as well
        (Asked(1, threshold=2), [(A, S, 0, 500, 2, 5, 1), (A, T, 0, 400, 1, 6, 0)], [(A, 0, NONE)]),
        (Asked(1, precision=0), [(A, S, 0, 500, 30, 5, 1), (A, T, 0, 400, 1, 0, 0)], [(A, 0, NONE)]),
        # holdings without a target
        (
            Asked(holds=[(C, T, 1), (A, T, 3), (D, S, 0)]),
            [(A, T, 3, 0, 90, 9, 1), (C, T, 1, 0, 90, 9, 1), (D, S, 0, 0, 90, 9, 1)],
            [(A, 0, NONE), (C, 0, NONE), (D, 0, NONE)],
        ),
        # both: what is held of a target is its row; the same security elsewhere, and another, may trigger
        (
            Asked(0, [(A, T, 5), (A, S, 6), (B, S, 7), (E, S, 8)], [(A, BUY, NONE), (D, SELL, NONE), (E, SELL, NONE)]),
            [
                (A, S, 6, 0, 20, 4, 1),
                (A, T, 5, 600, 20, 4, 1),
                (B, S, 7, 300, 7, 0, 0),
                (C, S, 0, 0, 0, 8, 1),
                (E, S, 8, 0, 20, 4, 1),
            ],
            [(A, BUY, NONE), (B, 0, NONE), (C, 0, NONE), (E, SELL, NONE)],
        ),
        # a substitute joins where the replaced one has a target above 0: not for C, nor where A is only held
        (
            Asked(0, [(A, S, 6)], [(A, SELL, E), (C, 0, D)]),
            [
                (A, S, 6, 0, 20, 4, 1),
                (A, T, 0, 600, 20, 4, 1),
                (B, S, 0, 300, 7, 0, 0),
                (C, S, 0, 0, 0, 8, 1),
                (E, T, 0, 0, 20, 4, 1),
            ],
            [(A, SELL, E), (B, 0, NONE), (C, 0, NONE), (E, 0, NONE)],
        ),
        # in each of its sleeves; its own substitute joins as well; one that is held keeps its units
        (
            Asked(1, [(D, T, 5)], [(A, 0, D), (D, BUY, C)]),
            [
                (A, S, 0, 500, 30, 5, 1),
                (A, T, 0, 400, 1, 6, 0),
                (C, S, 0, 0, 30, 6, 1),
                (C, T, 0, 0, 30, 6, 1),
                (D, S, 0, 0, 30, 6, 1),
                (D, T, 5, 0, 30, 6, 1),
            ],
            [(A, 0, D), (C, 0, NONE), (D, BUY, C)],
        ),
        # two that stand for one another, and one that is named twice; one with the number 0 is a substitute as any
        (
            Asked(0, [], [(A, 0, B), (B, 0, A)]),
            [
                (A, S, 0, 0, 20, 4, 1),
                (A, T, 0, 600, 20, 4, 1),
                (B, S, 0, 300, 7, 0, 0),
                (B, T, 0, 0, 20, 4, 1),
                (C, S, 0, 0, 0, 8, 1),
            ],
            [(A, 0, B), (B, 0, A), (C, 0, NONE)],
        ),
        (
            Asked(0, [], [(A, 0, C), (B, 0, C)]),
            [
                (A, T, 0, 600, 20, 4, 1),
                (B, S, 0, 300, 7, 0, 0),
                (C, S, 0, 0, 0, 8, 1),
                (C, T, 0, 0, 20, 4, 1),
            ],
            [(A, 0, C), (B, 0, C), (C, 0, NONE)],
        ),
        # the least target there is
        (Asked(2, [], [(B, 0, D)]), [(B, T, 0, 1, 40, 8, 1), (D, T, 0, 0, 40, 8, 1)], [(B, 0, D), (D, 0, NONE)]),
        # what nobody holds or targets needs no row, nor a substitute for it
        (Asked(holds=[(A, T, 1)], bans=[(B, BUY, A), (A, 0, E)]), [(A, T, 1, 0, 90, 9, 1)], [(A, 0, NONE)]),
    ],
)
def test_what_a_proposal_is_computed_on(asked: Asked, positions: Rows, securities: Rows) -> None:
    """The account alone, and between others that hold, target and replace the same: none takes another's rows."""
    other = Asked(1, [(C, S, 9)], [(A, BUY, E), (C, SELL, NONE)])
    for beside, index in (([asked], 0), ([other, asked, other], 1), ([Asked(), asked, asked, Asked(0)], 2)):
        assert read(joined(beside, targets(*TARGETS)), index) == (positions, securities)
    found = joined([other, asked, other], targets(*TARGETS))
    assert read(found, 0) == read(found, 2)
    assert len(found.values) == found.starts[3]
    assert len(found.security_no) == found.security_starts[3]


def test_without_any_target_only_what_is_held_stands_there() -> None:
    found = joined([Asked(), Asked(holds=[(B, T, 2), (A, S, 1)], bans=[(A, 0, B)])], targets())
    assert read(found, 0) == ([], [])
    assert read(found, 1) == ([(A, S, 1, 0, 90, 9, 1), (B, T, 2, 0, 90, 9, 1)], [(A, 0, B), (B, 0, NONE)])
    assert joined([Asked(), Asked()], targets()).starts.tolist() == [0, 0, 0]


def test_every_number_that_may_be_met_is_named_once() -> None:
    restrictions = ragged(RESTRICTION, [[(D, 0, C), (B, BUY, NONE)], []])
    held = ragged(HOLDING, [[(key_of(A, T), 0)], [(key_of(A, 5), 3)]])
    securities, sleeves = rules.numbers_named(restrictions, held, targets([(E, S, 1, NONE, NONE, 1)]))
    assert securities.tolist() == [C, A, E, B, D]
    assert sleeves.tolist() == [T, S, 5]


def roles_of(own: list[list[tuple[int, ...]]]) -> rules.AccountRoles:
    """Ordinary securities; own: what each account says of them."""
    return rules.AccountRoles(ragged(OWN_ROLE, own), np.zeros(0, np.int64))


@pytest.mark.parametrize("role", [HoldingRole.LOCKED, HoldingRole.EXCLUDED])
def test_a_substitute_that_is_not_managed_is_not_bought(role: HoldingRole) -> None:
    """Of the two accounts one treats C otherwise: there A is simply not bought."""
    given = ragged(RESTRICTION, [[(A, 0, C)], [(A, 0, C)]])
    found = rules.without_substitutes(given, {A, C}, roles_of([sorted([(A, 0), (C, int(role))]), []]))
    assert found.data.tolist() == [(A, BUY, NONE), (A, 0, C)]


def test_a_substitute_that_cannot_be_had_leaves_a_do_not_buy() -> None:
    given = ragged(RESTRICTION, [[(A, SELL, C), (B, 0, D)], [(C, SELL, NONE), (D, 0, E), (E, BUY, D)]])
    before = given.data.copy()
    found = rules.without_substitutes(given, {D, A}, roles_of([[], []]))
    assert found.starts.tolist() == [0, 2, 5]
    assert found.data.tolist() == [
        (A, SELL | BUY, NONE),
        (B, 0, D),
        (C, SELL, NONE),
        (D, BUY, NONE),
        (E, BUY, D),
    ]
    assert given.data.tolist() == before.tolist()
    assert rules.without_substitutes(given, set(), roles_of([[], []])).data.substitute.tolist() == [NONE] * 5


@pytest.mark.parametrize(
    ("ids", "found"),
    [({}, []), ({0: "A"}, [0]), ({0: "C", 1: "A", 2: "B"}, [2, 0, 1]), ({2: "B", 4: "A"}, [0, 0, 1, 0, 0])],
)
def test_ranks_are_places_in_the_order_of_ids(ids: dict[int, str], found: list[int]) -> None:
    assert rules.ranks(ids).tolist() == found


def test_what_an_exact_target_is_more_or_less_goes_with_it() -> None:
    """Of what is held and targeted, targeted alone, held alone, and a substitute of what is worth below a ppb."""
    rows: Rows = [
        (key_of(A, T), 600, NONE, NONE, 1, -7),
        (key_of(B, S), 300, NONE, NONE, 1, 7),
        (key_of(C, S), 0, 1, 1, 1, 5),
    ]
    asked = Asked(0, holds=[(A, T, 2), (D, S, 4)], bans=[(C, 0, E)])
    found = joined([asked], ragged(AIM, [rows]))
    numbers = found.security_no[found.security].tolist()
    assert dict(zip(numbers, found.values.rest.tolist(), strict=True)) == {A: -7, B: 7, C: 5, D: 0, E: 0}
    assert dict(zip(numbers, found.values.target.tolist(), strict=True)) == {A: 600, B: 300, C: 0, D: 0, E: 0}
