"""Result chunks as columns of accounts: whether an account failed, its figures under every logic, its remarks.

Source: contracts chunks.RESULT.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from services.batch.columns import gain_limits
from services.batch.domain.figures import EARLIER_FIGURES, LIMIT_FIGURES, PROPOSAL_FIGURES, TAX_FIGURES, WASH_FIGURES
from shared.columnar import Ints, children, joined, starts_of
from shared.kafka.isolation import failed, replace_faulty_rows
from shared.kafka.messages import BadMessage, Chunk

_VERSIONS: Final = ("taxable", "facts_version", "lots_version", "target_version", "price_set")
_OWN: Final = ("account_id", "enterprise_id", "tax_household_id", "epoch", "failure_code", "failure_text")
READ: Final = frozenset(
    (*_OWN, *_VERSIONS, *gain_limits.LIMITS, "wash_accounts", "proposals", "taxes", "slices", "edits")
)
"""Columns of RESULT that are decoded when a chunk arrives; details decode the others from the kept chunk."""
_NOT_COMPUTED: Final = ("LOGIC_UNAVAILABLE", "The chosen trade logic was not computed for this account.")
_REMARKS: Final = ("failure_code", "failure_text", "no_trade_text")


def table_of(results: Sequence[Chunk], logic: int) -> pa.Table:
    """Return result chunks as rows of `incoming_result`, without chunk_id.

    logic: number of the logic in force.  An account whose result our own code cannot read fails alone.  Raises
    BadMessage if a chunk names no attempt.
    """
    sizes = [chunk.rows.num_rows for chunk in results]
    rows, columns = replace_faulty_rows(
        "take results in",
        joined([chunk.rows for chunk in results]),
        lambda part: columns_of(part, logic),
        _unreadable,
    )
    has_loss = pc.is_valid(rows.column("wash_accounts"))
    table: dict[str, Any] = {
        "account_id": rows.column("account_id"),
        "attempt": pa.array(np.repeat([_attempt_of(chunk) for chunk in results], sizes), pa.int32()),
        "epoch": rows.column("epoch"),
        "failed": columns.failed,
        "failure_code": columns.failure_code,
        "failure_text": columns.failure_text,
        "row_no": pa.array(np.concatenate([np.arange(size) for size in sizes]), pa.int32()),
        "remarks": columns.remarks,
        "gain_excesses": columns.gain_excesses,
        "household": _households(rows),
        "has_loss": has_loss,
        "is_edited": pc.is_valid(rows.column("edits")),
        **{name: rows.column(name) for name in _VERSIONS},
        **columns.figures,
    }
    # Wash figures of an account without a loss are 0; the others are checked when every result is in.
    washes = pc.if_else(has_loss, pa.scalar(None, pa.string()), columns.zeros)
    return pa.table(table | dict.fromkeys(WASH_FIGURES, washes) | dict.fromkeys(EARLIER_FIGURES, columns.zeros))


def batch_of(chunk: Chunk) -> int:
    """Return the batch that a result chunk belongs to.  Raises BadMessage if the chunk does not say."""
    try:
        return int(chunk.meta["batch_id"])
    except (KeyError, ValueError) as error:
        raise BadMessage("no_batch", "the chunk names no batch_id in its metadata") from error


@dataclass(frozen=True)
class ResultColumns:
    """Columns with one element per account.

    figures: name -> values as the text of an SQL array with one element per logic; remarks: a JSON list with one object
    per logic; gain_excesses: a JSON list with one list per logic, null without any; zeros: a figure that is 0 under
    every logic that could propose.
    """

    failed: Any
    failure_code: Any
    failure_text: Any
    figures: dict[str, Any]
    remarks: Any
    gain_excesses: Any
    zeros: Any


def columns_of(
    rows: pa.RecordBatch,
    logic: int,
    proposal_figures: Sequence[str] = PROPOSAL_FIGURES,
    tax_figures: Sequence[str] = TAX_FIGURES,
) -> ResultColumns:
    """Return the columns of RESULT rows for a batch that has `logic` in force.

    An account fails if it failed as a whole, or if the logic in force could not propose for it. The failure of another
    logic matters only once that one is in force. A logic that could not propose has no figures, though the result
    holds zeros: what would be traded, and gained, is not known.
    """
    proposals = _flat(rows.column("proposals"))
    taxes = _flat(rows.column("taxes"))
    logics = np.zeros(rows.num_rows, np.int64)  # length of every list of the account
    np.maximum.at(logics, proposals.owner, proposals.logic + 1)
    first = starts_of(logics)
    of_proposals = _ByLogic(first, first[proposals.owner] + proposals.logic)
    known = np.flatnonzero(taxes.logic < logics[taxes.owner])
    of_taxes = _ByLogic(first, (first[taxes.owner] + taxes.logic)[known])
    proposed = pc.is_null(proposals.entries.field("failure_code")).to_numpy(zero_copy_only=False)
    absent = np.ones(int(first[-1]), bool)
    absent[of_proposals.index[proposed]] = False
    figures = {name: of_proposals.array_texts(proposals.entries.field(name), absent) for name in proposal_figures}
    taxed = taxes.entries.take(pa.array(known))
    figures |= {name: of_taxes.array_texts(taxed.field(name), absent) for name in tax_figures}
    code, text = _failures(rows, proposals, logic)
    of_all = _ByLogic(first, np.arange(first[-1]))
    zeros = of_all.array_texts(pa.array(np.zeros(int(first[-1]), np.int64)), absent)
    excesses = gain_limits.excesses_of(rows, first)
    figures |= dict.fromkeys(LIMIT_FIGURES, of_all.array_texts(excesses.cents, absent))
    remarks = of_proposals.remarks(proposals.entries)
    return ResultColumns(pc.is_valid(code), code, text, figures, remarks, excesses.documents, zeros)


def array_text(values: Sequence[int | None]) -> str:
    """Return integers as the text of an SQL array: array_text([1, None]) == "{1,NULL}"."""
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


@dataclass(frozen=True)
class _Flat:
    """The entries of a list column, with the row that owns each and its logic."""

    entries: Any
    owner: Ints
    logic: Ints


def _flat(column: Any) -> _Flat:
    entries, owner = children(column)
    return _Flat(entries, owner, entries.field("logic").to_numpy().astype(int))


@dataclass(frozen=True)
class _ByLogic:
    """Lists with one element per logic: list i is elements first[i]:first[i + 1], entry j is element index[j]."""

    first: Ints
    index: Ints

    def array_texts(self, values: Any, absent: NDArray[np.bool_]) -> Any:
        """Return the lists as texts of SQL arrays; a logic without entry, or absent at its element, is NULL."""
        present = pc.if_else(pa.array(absent[self.index]), pa.scalar(None, pa.string()), values.cast(pa.string()))
        return self._joined(present, "NULL", "{", "}")

    def remarks(self, entries: Any) -> Any:
        """Return the lists of remarks as JSON; few entries have any, so equal ones are rendered once."""
        remarks = list(zip(*(entries.field(name).to_pylist() for name in _REMARKS), strict=True))
        rendered = {remark: _json(remark) for remark in set(remarks)}
        texts = pa.array([rendered[remark] for remark in remarks], pa.string())
        return self._joined(texts, _json((None,) * len(_REMARKS)), "[", "]")

    def _joined(self, texts: Any, absent: str, begin: str, end: str) -> Any:
        entry_at = np.full(int(self.first[-1]), -1, np.int64)
        entry_at[self.index] = np.arange(len(self.index))
        elements = pc.fill_null(texts.take(pa.array(entry_at, mask=entry_at < 0)), absent)
        lists: Any = pa.ListArray
        inside = pc.binary_join(lists.from_arrays(pa.array(self.first.astype(np.int32)), elements), ",")
        around: Any = pc.binary_join_element_wise
        return around(pa.scalar(begin), inside, pa.scalar(end), pa.scalar(""))


def _json(remark: tuple[str | None, ...]) -> str:
    return orjson.dumps(dict(zip(_REMARKS, remark, strict=True))).decode()


def _failures(rows: pa.RecordBatch, proposals: _Flat, logic: int) -> tuple[Any, Any]:
    """Return code and sentence of each account's failure: its own, or that of the logic in force."""
    entry_of_account = np.full(rows.num_rows, -1, np.int64)
    of_logic = np.flatnonzero(proposals.logic == logic)
    entry_of_account[proposals.owner[of_logic]] = of_logic
    entries = pa.array(entry_of_account, mask=entry_of_account < 0)
    whole = pc.is_valid(rows.column("failure_code"))
    found = []
    for name, not_computed in zip(_REMARKS, _NOT_COMPUTED, strict=False):
        of_entry = proposals.entries.field(name).take(entries)
        under_logic = pc.if_else(pa.array(entry_of_account < 0), pa.scalar(not_computed), of_entry)
        found.append(pc.if_else(whole, rows.column(name), under_logic))
    return found[0], found[1]


def _unreadable(row: pa.RecordBatch, code: str, text: str) -> pa.RecordBatch:
    """Return a result row as failed and without figures."""
    row = failed(row, code, text)
    emptied: list[Any] = [
        pa.array([[]], field.type) if field.name in ("proposals", "taxes", "slices") else row.column(field.name)
        for field in row.schema
    ]
    return pa.RecordBatch.from_arrays(emptied, schema=row.schema)


def _attempt_of(chunk: Chunk) -> int:
    try:
        return int(chunk.meta["attempt"])
    except (KeyError, ValueError) as error:
        raise BadMessage("no_attempt", "the chunk names no attempt in its metadata") from error


def _households(rows: pa.RecordBatch) -> Any:
    """Return the tax household of each account: one of its enterprise, or its own where it names none."""
    join: Any = pc.binary_join_element_wise
    named = join(rows.column("enterprise_id"), rows.column("tax_household_id"), "/")
    return pc.coalesce(named, join(rows.column("enterprise_id"), rows.column("account_id"), "//"))
