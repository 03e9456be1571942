"""Result chunks as columns: who failed and why, figures and remarks by logic."""

from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.batch.columns.results import ResultColumns, array_text, columns_of
from shared.contracts import chunks
from tests.batch import build

pytestmark = pytest.mark.fast

REQUESTED = {"account_id": "A1", "enterprise_id": "E1", "advisor_id": "D1", "epoch": 0, "liquidate": False}
FIGURES = (("value_cents",), ("long_cents",))


def columns(logic: int, *rows: dict[str, Any]) -> ResultColumns:
    """Return the columns of RESULT rows."""
    return columns_of(pa.RecordBatch.from_pylist(list(rows), schema=chunks.RESULT), logic, *FIGURES)


@pytest.mark.parametrize(
    ("row", "logic", "code"),
    [
        (build.a_result(REQUESTED), 0, None),
        (build.a_failure(REQUESTED), 0, "MISSING_PRICE"),
        (build.a_result(REQUESTED), 2, "LOGIC_UNAVAILABLE"),
    ],
)
def test_an_account_fails_as_a_whole_or_under_the_logic_in_force(
    row: dict[str, Any], logic: int, code: str | None
) -> None:
    found = columns(logic, row)
    assert (found.failed.to_pylist(), found.failure_code.to_pylist()) == ([code is not None], [code])


def test_only_the_failure_of_the_logic_in_force_counts() -> None:
    row = build.a_result(REQUESTED)
    row["proposals"][1] |= {"failure_code": "CASH_SHORTFALL", "failure_text": "too little"}
    assert columns(0, row).failed.to_pylist() == [False]
    under = columns(1, row)
    assert (under.failure_code.to_pylist(), under.failure_text.to_pylist()) == (["CASH_SHORTFALL"], ["too little"])
    nothing = {"failure_code": None, "failure_text": None, "no_trade_text": None}
    remarks = [nothing, nothing | {"failure_code": "CASH_SHORTFALL", "failure_text": "too little"}]
    assert [orjson.loads(text) for text in under.remarks.to_pylist()] == [remarks]


def test_a_logic_that_could_not_propose_has_no_figures_though_it_came_with_zeros() -> None:
    row = build.a_result(REQUESTED)
    row["proposals"][1] |= {"failure_code": "CASH_SHORTFALL", "failure_text": "too little", "value_cents": 0}
    row["taxes"][1]["long_cents"] = 0
    found = columns(0, row, build.a_result(REQUESTED))
    value = row["proposals"][0]["value_cents"]
    assert found.figures["value_cents"].to_pylist() == [f"{{{value},NULL}}", f"{{{value},{value}}}"]
    assert found.figures["long_cents"].to_pylist() == ["{10000,NULL}", "{10000,5000}"]
    assert found.zeros.to_pylist() == ["{0,NULL}", "{0,0}"]


def test_figures_have_one_element_for_each_logic_that_was_proposed() -> None:
    """Gains of $100.00 and $50.00 under two logics, a whole failure between them, three logics beside."""
    first = build.a_result(REQUESTED)
    third = build.with_tax_aware(build.a_result(REQUESTED), 4, "held back")
    found = columns(0, first, build.a_failure(REQUESTED), third)
    assert found.figures["long_cents"].to_pylist() == ["{10000,5000}", "{}", "{10000,5000,4000}"]
    assert found.zeros.to_pylist() == ["{0,0}", "{}", "{0,0,0}"]
    assert found.remarks.to_pylist()[1] == "[]"


def test_a_logic_without_proposal_or_tax_leaves_a_gap() -> None:
    row = build.a_result(REQUESTED)
    row |= {"proposals": [row["proposals"][1]], "taxes": []}
    found = columns(1, row)
    value = row["proposals"][0]["value_cents"]
    assert found.figures["value_cents"].to_pylist() == [f"{{NULL,{value}}}"]
    assert found.figures["long_cents"].to_pylist() == ["{NULL,NULL}"]
    assert (found.failed.to_pylist(), columns(0, row).failure_code.to_pylist()) == ([False], ["LOGIC_UNAVAILABLE"])


def test_no_rows_give_no_results() -> None:
    found = columns(0)
    assert (found.failed.to_pylist(), found.remarks.to_pylist(), found.zeros.to_pylist()) == ([], [], [])


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=4))
def test_an_array_as_text_is_the_array_in_sql(values: list[int | None]) -> None:
    """Numbers and gaps come back from the text as they were."""
    inside = array_text(values)[1:-1]
    assert [None if text == "NULL" else int(text) for text in inside.split(",") if text] == values
