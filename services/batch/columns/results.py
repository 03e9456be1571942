"""Answered chunks as columns of accounts: did it fail, its figures under every logic, what is worth a remark.

Source: contracts chunks.RESULT.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from shared.columnar import children

Ints = npt.NDArray[np.int64]
_NOT_COMPUTED: Final = ("LOGIC_UNAVAILABLE", "The chosen trade logic was not computed for this account.")
_REMARKS: Final = ("failure_code", "failure_text", "no_trade_text")


@dataclass(frozen=True)
class Answers:
    """What came of the accounts of a chunk, one element an account.

    figures: name -> its values as the text of an SQL array with one element a logic; remarks: a JSON list of them by
    logic; zeros: as a figure that is 0 under every logic.
    """

    failed: Any
    failure_code: Any
    failure_text: Any
    figures: dict[str, Any]
    remarks: Any
    zeros: Any


def answers_of(
    rows: pa.RecordBatch, logic: int, proposal_figures: Sequence[str], tax_figures: Sequence[str]
) -> Answers:
    """Return the answers for accounts whose batch has `logic` in force.

    An account fails when it failed as a whole, or when the logic in force could not propose for it; what another logic
    could not do only matters once that one is put in force.
    """
    proposals = _flat(rows.column("proposals"))
    taxes = _flat(rows.column("taxes"))
    logics = np.zeros(rows.num_rows, np.int64)  # so many elements has every list of the account
    np.maximum.at(logics, proposals.owner, proposals.logic + 1)
    first = np.concatenate([[0], np.cumsum(logics)]).astype(np.int64)
    of_proposals = _ByLogic(first, first[proposals.owner] + proposals.logic)
    known = np.flatnonzero(taxes.logic < logics[taxes.owner])
    of_taxes = _ByLogic(first, (first[taxes.owner] + taxes.logic)[known])
    figures = {name: of_proposals.array_texts(proposals.entries.field(name)) for name in proposal_figures}
    taxed = taxes.entries.take(pa.array(known))
    figures |= {name: of_taxes.array_texts(taxed.field(name)) for name in tax_figures}
    code, text = _failures(rows, proposals, logic)
    zeros = _ByLogic(first, np.arange(first[-1])).array_texts(pa.array(np.zeros(int(first[-1]), np.int64)))
    return Answers(pc.is_valid(code), code, text, figures, of_proposals.remarks(proposals.entries), zeros)


def array_text(values: Sequence[int | None]) -> str:
    """Return integers as the text of an SQL array: array_text([1, None]) == "{1,NULL}"."""
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


@dataclass(frozen=True)
class _Flat:
    """The entries of a list column, the row that owns each, and the logic it is of."""

    entries: Any
    owner: Ints
    logic: Ints


def _flat(column: Any) -> _Flat:
    entries, owner = children(column)
    return _Flat(entries, owner, entries.field("logic").to_numpy().astype(int))


@dataclass(frozen=True)
class _ByLogic:
    """Where entries stand in lists with one element a logic: list i at first[i]:first[i + 1], entry j at place[j]."""

    first: Ints
    place: Ints

    def array_texts(self, values: Any) -> Any:
        """Return the lists as texts of SQL arrays; a logic without entry is NULL."""
        return self._joined(values.cast(pa.string()), "NULL", "{", "}")

    def remarks(self, entries: Any) -> Any:
        """Return the lists of remarks as JSON; few entries have any, so alike ones are rendered once."""
        told = list(zip(*(entries.field(name).to_pylist() for name in _REMARKS), strict=True))
        rendered = {one: _json(one) for one in set(told)}
        texts = pa.array([rendered[one] for one in told], pa.string())
        return self._joined(texts, _json((None,) * len(_REMARKS)), "[", "]")

    def _joined(self, texts: Any, absent: str, begin: str, end: str) -> Any:
        at = np.full(int(self.first[-1]), -1, np.int64)
        at[self.place] = np.arange(len(self.place))
        elements = pc.fill_null(texts.take(pa.array(at, mask=at < 0)), absent)
        lists: Any = pa.ListArray
        joined = pc.binary_join(lists.from_arrays(pa.array(self.first.astype(np.int32)), elements), ",")
        around: Any = pc.binary_join_element_wise
        return around(pa.scalar(begin), joined, pa.scalar(end), pa.scalar(""))


def _json(remark: tuple[str | None, ...]) -> str:
    return orjson.dumps(dict(zip(_REMARKS, remark, strict=True))).decode()


def _failures(rows: pa.RecordBatch, proposals: _Flat, logic: int) -> tuple[Any, Any]:
    """Return code and sentence of each account's failure: its own, or that of the logic in force."""
    mine = np.full(rows.num_rows, -1, np.int64)
    of_logic = np.flatnonzero(proposals.logic == logic)
    mine[proposals.owner[of_logic]] = of_logic
    places = pa.array(mine, mask=mine < 0)
    whole = pc.is_valid(rows.column("failure_code"))
    found = []
    for name, not_computed in zip(_REMARKS, _NOT_COMPUTED, strict=False):
        of_mine = proposals.entries.field(name).take(places)
        under_logic = pc.if_else(pa.array(mine < 0), pa.scalar(not_computed), of_mine)
        found.append(pc.if_else(whole, rows.column(name), under_logic))
    return found[0], found[1]
