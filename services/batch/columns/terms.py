"""The terms of relieved units as a proposal shows them, against those of the day on which its orders are traded."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Row

from shared.columnar import lengths_of
from shared.contracts import chunks, codec
from shared.contracts.codes import Term

_READ: Final = pa.schema([chunks.RESULT.field("slices")])


def of_other_term(content: bytes, members: Sequence[Row[Any]], logic: int, session: date) -> list[str]:
    """Return the accounts that show a slice, under this logic, whose term is another when traded on `session`.

    content: a result chunk as it came; members: rows with account_id and row_no, their row in the chunk.
    Long-term iff the trade date is the first long-term day or later; an unknown term stays unknown.  Source: product 5.
    """
    rows, _ = codec.decode_kept(content, _READ)
    slices: Any = rows.column("slices").take(pa.array([member.row_no for member in members], pa.int64()))
    owners = np.repeat(np.arange(len(members)), lengths_of(slices))
    flat = slices.flatten()
    is_shown_long = pc.equal(pc.struct_field(flat, "term"), pa.scalar(int(Term.LONG), pa.int8()))
    is_long = pc.less_equal(pc.struct_field(flat, "first_long_term_day"), pa.scalar(session, pa.date32()))
    differs = pc.fill_null(pc.xor(is_shown_long, is_long), False)  # noqa: FBT003  # the value that fills
    in_force = pc.equal(pc.struct_field(flat, "logic"), pa.scalar(logic, pa.int8()))
    found = np.unique(owners[np.asarray(pc.and_(differs, in_force))])
    return [members[index].account_id for index in found.tolist()]
