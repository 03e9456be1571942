"""Short numbers for ids, dense from 0 per kind: arrays are indexed by them, and documents stay small."""

import threading
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from services.analyzer.store.database import Database, Session
from shared.columnar import Arrow, array

NameKind = Literal["S", "L", "P"]
SECURITY: NameKind = "S"
SLEEVE: NameKind = "L"
PORTFOLIO: NameKind = "P"

_ADD = """
INSERT INTO name (kind, no, id)
SELECT %(kind)s,
       coalesce((SELECT max(no) FROM name WHERE kind = %(kind)s), -1) + row_number() OVER (ORDER BY new.id), new.id
FROM unnest(%(ids)s::text[]) AS new (id)
WHERE NOT EXISTS (SELECT FROM name WHERE name.kind = %(kind)s AND name.id = new.id)
"""


def known_number(session: Session, kind: NameKind, name: str) -> int | None:
    """Return the number of an id, None when it has none."""
    row = session.execute("SELECT no FROM name WHERE kind = %s AND id = %s", [kind, name]).fetchone()
    return None if row is None else int(row[0])


class Names:
    """The numbers and ids that this process has seen, read from the table `name` on demand.  Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._numbers: dict[NameKind, dict[str, int]] = {"S": {}, "L": {}, "P": {}}
        self._ids: dict[NameKind, dict[int, str]] = {"S": {}, "L": {}, "P": {}}

    def numbers(self, kind: NameKind, ids: Iterable[str]) -> dict[str, int]:
        """Return the number of every id.  New ids get the next numbers, in a transaction of its own.

        Raises CommitUnknown.
        """
        known = self._numbers[kind]
        wanted = set(ids)
        missing = sorted(wanted - known.keys())
        if missing:
            with self._database.session() as session:
                session.execute("SELECT pg_advisory_xact_lock(hashtext('analyzer.name'))")
                session.execute(_ADD, {"kind": kind, "ids": missing})
                query = "SELECT id, no FROM name WHERE kind = %s AND id = ANY(%s)"
                found = session.execute(query, [kind, missing]).fetchall()
            # Only after the commit: a number lost at COMMIT may be given to another name by another process.
            self._remember(kind, found)
        return {name: known[name] for name in wanted}

    def known_id(self, kind: NameKind, number: int) -> str:
        """Return the id of a number that this process has assigned or read.  Raises KeyError otherwise."""
        return self._ids[kind][number]

    def column(self, kind: NameKind, ids: Arrow) -> NDArray[np.int64]:
        """Return the numbers of a column of ids; raises as `numbers`."""
        encoded = pc.dictionary_encode(ids)
        uniques = encoded.dictionary.to_pylist()
        numbers = self.numbers(kind, uniques)
        table = np.array([numbers[name] for name in uniques], np.int64)
        indices: NDArray[np.int64] = encoded.indices.to_numpy(zero_copy_only=False)
        return table[indices]

    def ids(self, session: Session, kind: NameKind, numbers: Sequence[int] | NDArray[np.int64]) -> dict[int, str]:
        """Return the id of every number.  Raises KeyError for a number that is not assigned."""
        known = self._ids[kind]
        wanted = {int(number) for number in numbers}
        missing = [number for number in wanted if number not in known]
        if missing:
            rows = session.execute("SELECT id, no FROM name WHERE kind = %s AND no = ANY(%s)", [kind, missing])
            self._remember(kind, rows.fetchall())
        return {number: known[number] for number in wanted}

    def id_column(self, session: Session, kind: NameKind, numbers: NDArray[np.int64]) -> Arrow:
        """Return the ids of a column of numbers; a negative number is null."""
        uniques, inverse = np.unique(numbers, return_inverse=True)
        table = self.ids(session, kind, uniques[uniques >= 0])
        texts = array([table.get(int(number)) for number in uniques], pa.string())
        return texts.take(array(inverse.ravel()))

    def _remember(self, kind: NameKind, rows: Sequence[tuple[str, int]]) -> None:
        with self._lock:
            for name, number in rows:
                self._numbers[kind][name] = number
                self._ids[kind][number] = name
