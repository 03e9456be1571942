"""The card of faults: its sums, and that the page is the one that was measured."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.faults import card
from tests.faults.__main__ import MEASURED, PAGE
from tests.faults.card import Outcome

pytestmark = pytest.mark.fast
# Of a fault whose trials the page promises by their number.
LEAST: Final = {"F1": 50 * 8, "F8": 1_000, "F11": 100_000}


def test_the_page_shows_what_was_measured() -> None:
    assert PAGE.read_text() == card.page(json.loads(MEASURED.read_text()))


def test_what_was_measured_is_what_is_promised() -> None:
    measured = json.loads(MEASURED.read_text())
    assert measured.keys() == card.FAULTS.keys()
    for name, record in measured.items():
        assert (record["lost"], record["doubled"], record["leaked"]) == (0, 0, 0), name
        assert record["trials"] >= LEAST.get(name, 1), name
        assert not record["recovery_s"] or record["recovery_s"][1] <= card.REACH_S, name


def test_every_fault_names_tests_that_are_there() -> None:
    for name, fault in card.FAULTS.items():
        for node in fault.tests:
            file, _, function = node.partition("::")
            source = Path(file).read_text()
            assert f'Outcome("{name}"' in source or f'"{name}"' in source, node
            assert f"def {function}" in source, node


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [([], []), ([4.0], [4.0, 4.0, 4.0]), ([3.0, 1.0, 2.0], [2.0, 3.0, 3.0]), (list(range(1, 101)), [50, 95, 100])],
)
def test_times_are_shown_as_median_ninety_fifth_percentile_and_longest(
    seconds: list[float], expected: list[float]
) -> None:
    assert card.spread(seconds) == expected


def test_outcomes_of_one_fault_are_added() -> None:
    outcomes = [Outcome("F1", 2, recoveries_s=(3.0,)), Outcome("F1", 3, lost=1, recoveries_s=(5.0,)), Outcome("F8", 4)]
    assert card.summed(outcomes) == {
        "F1": {"trials": 5, "lost": 1, "doubled": 0, "leaked": 0, "recovery_s": [3.0, 5.0, 5.0]},
        "F8": {"trials": 4, "lost": 0, "doubled": 0, "leaked": 0, "recovery_s": []},
    }


@pytest.mark.parametrize("bad", [Outcome("F1", 10, lost=1), Outcome("F1", 10, doubled=1), Outcome("F1", 10, leaked=1)])
def test_anything_lost_doubled_or_leaked_fails(bad: Outcome) -> None:
    with pytest.raises(AssertionError):
        card.keep(bad)
