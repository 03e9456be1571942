"""An answered chunk as columns of accounts: did it fail, its figures under every logic, what is worth a remark.

Source: contracts chunks.RESULT.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Row = Mapping[str, Any]

# Columns of a chunk that are needed here; positions, lots and trades stay packed.
COLUMNS: Final = ("account_id", "epoch", "failure_code", "failure_text", "taxable", "facts_version", "lots_version",
                  "target_version", "price_set", "proposals", "taxes")  # fmt: skip
NOT_COMPUTED: Final = ("LOGIC_UNAVAILABLE", "The chosen trade logic was not computed for this account.")


@dataclass(frozen=True)
class Answer:
    """What came of one account. figures: one list a figure, one element a logic; remarks: one mapping a logic."""

    failed: bool
    failure_code: str | None
    failure_text: str | None
    figures: Mapping[str, list[int | None]]
    remarks: list[dict[str, str | None]]


def answer_of(row: Row, logic: int, proposal_figures: Sequence[str], tax_figures: Sequence[str]) -> Answer:
    """Return the answer for an account whose batch has `logic` in force.

    The account fails when it failed as a whole, or when the logic in force could not propose for it; what another logic
    could not do only matters once that one is put in force.
    """
    proposals = {int(proposal["logic"]): proposal for proposal in row["proposals"] or ()}
    taxes = {int(tax["logic"]): tax for tax in row["taxes"] or ()}
    code, text = row["failure_code"], row["failure_text"]
    if code is None:
        mine = proposals.get(logic)
        code, text = NOT_COMPUTED if mine is None else (mine["failure_code"], mine["failure_text"])
    last = max(proposals, default=-1) + 1
    figures = {name: [_of(proposals, index, name) for index in range(last)] for name in proposal_figures}
    figures |= {name: [_of(taxes, index, name) for index in range(last)] for name in tax_figures}
    remarks = [
        {name: _of(proposals, index, name) for name in ("failure_code", "failure_text", "no_trade_text")}
        for index in range(last)
    ]
    return Answer(code is not None, code, text, figures, remarks)


def array_text(values: Sequence[int | None]) -> str:
    """Return integers as the text of an SQL array: array_text([1, None]) == "{1,NULL}"."""
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


def _of(by_logic: Mapping[int, Row], logic: int, name: str) -> Any:
    found = by_logic.get(logic)
    return None if found is None else found[name]
