"""Flags: one narrow row an account, replaced only by an evaluation of which no input is older.

The statement that replaces a row tests the guard on the row itself; refused accounts are read and evaluated again.
A sweep does not rewrite accounts that stay quiet.  A late evaluation with an older price set must not pass such a row,
so every replacement is also compared with the prices of the newest run, and a run starts only when no replacement is in
flight.  Prices are ordered by generation, not by the number of their set: after a withdrawal the earlier set is newer.
Source: architecture "Guard".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, LiteralString

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from psycopg import sql

from services.analyzer.domain.layout import FIGURES, REASON
from services.analyzer.store import pgcopy
from services.analyzer.store.database import Session
from services.analyzer.store.facts import ANNOUNCED, PRICE_HELD
from shared.columnar import Arrow, Bytes, array
from shared.fixed_point.records import Records, as_records

_COLUMNS: Final = (
    "account_id", "flag_version", "facts_version", "lots_version", "portfolio_no", "target_version", "price_set",
    "price_generation", "epoch", "on_count", "state", "tiles", "needed_since", "last_rebalanced", "causes", "figures",
    "reasons", "hold_code", "hold_text", "evaluated_at", "run_no", "announced",
)  # fmt: skip

_REPLACE: Final = """
INSERT INTO flag AS f ({columns})
SELECT {columns} FROM incoming_flag
WHERE price_generation >= (SELECT coalesce(max(price_generation), 0) FROM analysis_run)
ORDER BY account_id
ON CONFLICT (account_id) DO UPDATE SET {assignments}
WHERE f.flag_version = excluded.flag_version - 1
  AND f.facts_version <= excluded.facts_version
  AND f.epoch <= excluded.epoch
  AND f.price_generation <= excluded.price_generation
  AND (f.portfolio_no IS DISTINCT FROM excluded.portfolio_no OR f.target_version <= excluded.target_version)
RETURNING account_id
"""
_ASSIGNMENTS: Final = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
_STATEMENT: Final = _REPLACE.format(columns=", ".join(_COLUMNS), assignments=_ASSIGNMENTS).encode()

_REPLACEMENTS: Final = "hashtext('analyzer.run')"  # advisory lock
_EPOCH_2000_US: Final = 946_684_800_000_000


@dataclass(frozen=True)
class NewFlags:
    """Evaluations to store, one an account; flag_version is the version read plus 1, dates are days since 1970-01-01.

    enterprise_id and advisor_id are published with a flag, not stored in it.
    """

    account_id: Arrow
    enterprise_id: Arrow
    advisor_id: Arrow
    flag_version: pgcopy.Ints
    facts_version: pgcopy.Ints
    lots_version: pgcopy.Ints
    portfolio_no: pgcopy.Ints
    target_version: pgcopy.Ints
    price_set: int
    price_generation: int
    epoch: pgcopy.Ints
    on_count: pgcopy.Ints
    state: pgcopy.Ints
    tiles: pgcopy.Ints
    needed_since: pgcopy.Ints
    last_rebalanced: pgcopy.Ints
    causes: Sequence[str]
    figures: Records  # FIGURES
    reason_starts: pgcopy.Ints
    reasons: Records  # REASON
    hold_code: Sequence[str | None]
    hold_text: Sequence[str | None]
    evaluated_us: int  # microseconds since 1970-01-01
    announced: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.account_id)


def share_replacements(session: Session) -> None:
    """Announce that this transaction will replace flags: no run starts before it ends."""
    session.execute(f"SELECT pg_advisory_xact_lock_shared({_REPLACEMENTS})")


def lock_replacements(session: Session) -> None:
    """Wait until no transaction that replaces flags is in flight; others wait until this one ends."""
    session.execute(f"SELECT pg_advisory_xact_lock({_REPLACEMENTS})")


def replace(session: Session, flags: NewFlags, run_no: int | None) -> set[str]:
    """Store the evaluations that pass the guard; return the accounts that were refused.

    Call `share_replacements` before, in the same transaction.
    """
    count = len(flags)
    same = np.ones(count, np.int64)
    causes, codes = pgcopy.text_column(flags.causes), pgcopy.text_column(flags.hold_code)
    columns: list[pgcopy.Column] = [
        pgcopy.text_column(flags.account_id),
        pgcopy.PgIntColumn(flags.flag_version, 8),
        pgcopy.PgIntColumn(flags.facts_version, 8),
        pgcopy.PgIntColumn(flags.lots_version, 8),
        pgcopy.PgIntColumn(flags.portfolio_no, 4),
        pgcopy.PgIntColumn(flags.target_version, 8),
        pgcopy.PgIntColumn(same * flags.price_set, 8),
        pgcopy.PgIntColumn(same * flags.price_generation, 8),
        pgcopy.PgIntColumn(flags.epoch, 4),
        pgcopy.PgIntColumn(flags.on_count, 4),
        pgcopy.PgIntColumn(flags.state, 2),
        pgcopy.PgIntColumn(flags.tiles, 2),
        pgcopy.PgIntColumn(pgcopy.postgres_days(flags.needed_since), 4),
        pgcopy.PgIntColumn(pgcopy.postgres_days(flags.last_rebalanced), 4),
        causes,
        pgcopy.bytes_column(np.arange(count + 1) * FIGURES.itemsize, _raw(flags.figures)),
        pgcopy.bytes_column(flags.reason_starts * REASON.itemsize, _raw(flags.reasons)),
        codes,
        pgcopy.text_column(flags.hold_text),
        pgcopy.PgIntColumn(same * (flags.evaluated_us - _EPOCH_2000_US), 8),
        pgcopy.PgIntColumn(same * (pgcopy.NULL if run_no is None else run_no), 8),
        pgcopy.PgIntColumn(flags.announced.astype(np.int64), 1),
    ]
    pgcopy.write(session, "incoming_flag", _COLUMNS, columns)
    stored = session.execute(_STATEMENT)
    if stored.rowcount == count:
        return set()
    kept = {account_id for (account_id,) in stored}
    return set(flags.account_id.to_pylist()) - kept


def mark_announced(session: Session, accounts: Sequence[str], versions: Sequence[int]) -> None:
    """Note that the public events of these flag versions have been published."""
    session.execute(
        "UPDATE flag AS f SET announced = true"
        " FROM (SELECT * FROM unnest(%s::text[], %s::bigint[]) AS u (account_id, version) ORDER BY 1) AS n"
        " WHERE f.account_id = n.account_id AND f.flag_version = n.version",
        [list(accounts), list(versions)],
    )


def current(session: Session, versions: Mapping[str, int]) -> set[str]:
    """Return the accounts whose stored flag still has this version.  versions: flag version by account."""
    query = (
        "SELECT account_id FROM unnest(%s::text[], %s::bigint[]) AS n (account_id, version)"
        " JOIN flag AS f USING (account_id) WHERE f.flag_version = n.version"
    )
    found = session.execute(query, [list(versions), list(versions.values())])
    return {str(account_id) for (account_id,) in found}


def price_held(session: Session, limit: int | None = None) -> list[str]:
    """Return the accounts held for a missing or stale price, at most `limit`."""
    query = f"SELECT account_id FROM flag WHERE {PRICE_HELD} ORDER BY account_id LIMIT %s"  # noqa: S608  # fixed
    return [account_id for (account_id,) in session.execute(query.encode(), [limit])]


def count_chosen(session: Session, chosen: LiteralString, filters: Mapping[str, object]) -> int:
    """Return how many flags a condition on account_facts (as `a`) chooses; filters: its parameters."""
    row = session.execute(f"SELECT count(*) {_CHOSEN} {chosen}", filters).fetchone()  # noqa: S608  # literals
    return 0 if row is None else int(row[0])


def accounts_chosen(session: Session, chosen: LiteralString, filters: Mapping[str, object]) -> list[str]:
    """Return the ids of the flags that a condition chooses, in order; filters: its parameters, and `limit`."""
    query: LiteralString = f"SELECT a.account_id {_CHOSEN} {chosen} ORDER BY 1 LIMIT %(limit)s"  # noqa: S608  # literals
    return [str(account_id) for (account_id,) in session.execute(query, filters)]


_CHOSEN: Final[LiteralString] = "FROM flag f JOIN account_facts a USING (account_id) WHERE"
_COPIED: Final = (
    "flag_version", "facts_version", "lots_version", "target_version", "price_set", "epoch", "state", "tiles",
    "portfolio_no",
)  # fmt: skip
_NUMBERS: Final = (*_COPIED, "needed_since", "last_rebalanced", "evaluated_us")
_READ: Final = {
    "account_id": "f.account_id",
    "enterprise_id": "a.enterprise_id",
    "advisor_id": "a.advisor_id",
    **{name: f"f.{name}" for name in _COPIED},
    "needed_since": "(f.needed_since - DATE '1970-01-01')",
    "last_rebalanced": "(f.last_rebalanced - DATE '1970-01-01')",
    "evaluated_us": "f.evaluated_at",
    **{name: f"f.{name}" for name in ("causes", "figures", "reasons", "hold_code", "hold_text")},
    "announced": ANNOUNCED,
}
_INDEX: Final = {name: index for index, name in enumerate(_READ)}
_QUERY: Final = (
    f"SELECT {', '.join(_READ.values())} FROM flag AS f JOIN account_facts AS a USING (account_id)"  # noqa: S608  # names
    " WHERE f.account_id = ANY({}) ORDER BY 1"
)


@dataclass(frozen=True)
class StoredFlags:
    """Stored flags in order of account id; numbers: a column each, dates in days, evaluated_us since 1970-01-01.

    figures and reasons as in `NewFlags`.  announced: whose public event is published.
    """

    account_id: Arrow
    enterprise_id: Arrow
    advisor_id: Arrow
    numbers: dict[str, pgcopy.Ints]
    causes: Arrow
    figures: Records
    reason_starts: pgcopy.Ints
    reasons: Records
    hold_code: Arrow
    hold_text: Arrow
    announced: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.account_id)

    def unannounced(self) -> tuple[list[str], list[int]]:
        """Return accounts and versions of the flags whose public event is not published."""
        rows = np.flatnonzero(~self.announced)
        return self.account_id.take(array(rows)).to_pylist(), self.numbers["flag_version"][rows].tolist()


def read(session: Session, accounts: Sequence[str]) -> StoredFlags:
    """Read the flags of these accounts, as far as they have one."""
    query = sql.SQL(_QUERY).format(sql.Literal(list(accounts)))
    table = pgcopy.read(session, query, (), len(_READ))
    numbers = {name: table.ints(_INDEX[name]) for name in _NUMBERS}
    numbers["evaluated_us"] = numbers["evaluated_us"] + _EPOCH_2000_US
    texts = {
        name: table.texts(_INDEX[name])
        for name in ("account_id", "enterprise_id", "advisor_id", "causes", "hold_code", "hold_text")
    }
    _, figures = table.spans(_INDEX["figures"])
    reason_starts, reasons = table.spans(_INDEX["reasons"])
    return StoredFlags(
        **texts,
        numbers=numbers,
        figures=as_records(FIGURES, figures.view("<i8")),
        reason_starts=reason_starts // REASON.itemsize,
        reasons=as_records(REASON, reasons.view("<i8")),
        announced=table.ints(_INDEX["announced"]).astype(bool),
    )


def as_stored(flags: NewFlags) -> StoredFlags:
    """Return what `read` would return of evaluations that have been stored, without reading them back."""
    numbers = {name: getattr(flags, name) for name in _NUMBERS if name not in ("price_set", "evaluated_us")}
    numbers["price_set"] = np.full(len(flags), flags.price_set)
    numbers["evaluated_us"] = np.full(len(flags), flags.evaluated_us)
    return StoredFlags(
        account_id=flags.account_id,
        enterprise_id=flags.enterprise_id,
        advisor_id=flags.advisor_id,
        numbers=numbers,
        causes=array(flags.causes, pa.string()),
        figures=flags.figures,
        reason_starts=flags.reason_starts,
        reasons=flags.reasons,
        hold_code=array(flags.hold_code, pa.string()),
        hold_text=array(flags.hold_text, pa.string()),
        announced=flags.announced,
    )


def _raw(rows: Records) -> Bytes:
    return np.frombuffer(rows.tobytes(), np.uint8)
