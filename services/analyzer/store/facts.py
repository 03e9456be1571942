"""Account facts, read: one row an account, whole, with the present flag; decoded without a loop over accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from services.analyzer.domain.layout import HOLDING, OFF_SETTINGS, OWN_ROLE, RESTRICTION, SETTINGS, Ints, Ragged
from services.analyzer.store import pgcopy
from services.analyzer.store.database import Session
from shared.columnar import Arrow, starts_of
from shared.contracts.tenancy import MINE, Scope
from shared.fixed_point.records import as_records, fields_of, records

_DATE: Final = "({} - DATE '1970-01-01')"
# Whether the public event of a flag is published: noted in its row, or known from its run, whose shards are done only
# when everything is published.
ANNOUNCED: Final = (
    "(f.announced OR (f.run_no IS NOT NULL AND f.run_no NOT IN (SELECT run_no FROM analysis_shard WHERE NOT done)))"
)
READ: Final = (
    "a.account_id", "a.facts_version", "a.lots_version", "a.epoch", "a.portfolio_no", "a.on_count",
    _DATE.format("a.as_of"), _DATE.format("a.settle_date"), _DATE.format("a.last_rebalanced"), "a.cash_cents",
    "a.holdings", "a.settings", "a.hold_code", "a.hold_text", "a.settings_problem", "a.enterprise_id", "a.advisor_id",
    "a.tax_household_id", "a.lot_picks", "a.holding_roles",
    "f.flag_version", "f.state", "f.tiles", _DATE.format("f.needed_since"), _DATE.format("f.last_rebalanced"),
    "f.causes", "f.hold_code", "f.portfolio_no", "f.target_version", "f.epoch", "f.on_count", "f.run_no",
    ANNOUNCED,
)  # fmt: skip
_COLUMN: Final = {name: index for index, name in enumerate(READ)}
BY_IDS: Final = sql.SQL("account_id = ANY({})")
BY_RANGE: Final = sql.SQL("account_id BETWEEN {} AND {}")
EVERY: Final = sql.SQL("true")
Condition: TypeAlias = sql.Composable  # of account_facts: which accounts a run covers
PRICE_HELD: Final = "hold_code IN ('MISSING_PRICE', 'STALE_PRICE')"  # for want of a price


@dataclass(frozen=True)
class AccountRows:
    """Facts and present flags of a chunk of accounts, in order of account id."""

    table: pgcopy.PgTable
    account_id: Arrow
    settings: Ints  # [n, SETTINGS]
    restrictions: Ragged  # RESTRICTION
    holdings: Ragged  # HOLDING
    own_roles: Ragged  # OWN_ROLE

    def __len__(self) -> int:
        return len(self.table)

    def ints(self, name: str, null: int = pgcopy.NULL) -> Ints:
        """Return a column named as in the query, e.g. "a.epoch"; a date is read by `days`."""
        return self.table.ints(_COLUMN[name], null)

    def days(self, name: str) -> Ints:
        """Return a column of dates as days since 1970-01-01, NULL where there is none."""
        return self.table.ints(_COLUMN[_DATE.format(name)])

    def texts(self, name: str) -> Arrow:
        """Return a column of texts."""
        return self.table.texts(_COLUMN[name])

    def text(self, name: str, row: int) -> str:
        """Return one text; null is empty."""
        return self.table.bytes_of(_COLUMN[name], row).decode()

    def is_null(self, name: str) -> NDArray[np.bool_]:
        """Return where the column is null."""
        return self.table.is_null(_COLUMN[name])

    def announced(self) -> NDArray[np.bool_]:
        """Return which accounts' public event is published; an account without a flag counts as published."""
        return np.asarray(self.table.ints(_COLUMN[ANNOUNCED], 1) == 1)


# The condition stands at both tables: PostgreSQL carries an equality over to the other side of a join, but neither a
# range nor a list, and would read every flag of the book for each shard.
_CHOSEN: Final = sql.SQL(
    "SELECT {columns} FROM (SELECT * FROM account_facts WHERE {chosen} AND {covered}) AS a"
    " LEFT JOIN (SELECT * FROM flag WHERE {chosen}) AS f USING (account_id) ORDER BY a.account_id"
)
_COLUMNS: Final = sql.SQL(", ").join(sql.SQL(name) for name in READ)


def of_portfolios(portfolios: Sequence[int]) -> sql.Composed:
    """Return the accounts that have one of these portfolios."""
    return sql.SQL("portfolio_no = ANY({})").format(sql.Literal(list(portfolios)))


def of_owners(enterprises: Sequence[str] | None, advisors: Sequence[str] | None) -> sql.Composed:
    """Return the accounts of these enterprises and advisors; None: of all."""
    owned = [
        sql.SQL("{} = ANY({})").format(sql.Identifier(name), sql.Literal(list(names)))
        for name, names in (("enterprise_id", enterprises), ("advisor_id", advisors))
        if names is not None
    ]
    return sql.SQL(" AND ").join([EVERY, *owned])


def price_held(first_id: str, last_id: str, run_no: int) -> sql.Composed:
    """Return the accounts in a range that are held for want of a price, and those this run has evaluated already.

    The sweeper that evaluated these may have died before it published their flags.
    """
    return sql.SQL(
        "account_id IN (SELECT account_id FROM flag WHERE account_id BETWEEN {} AND {} AND ({} OR run_no = {}))"
    ).format(sql.Literal(first_id), sql.Literal(last_id), sql.SQL(PRICE_HELD), sql.Literal(run_no))


def visible(session: Session, scope: Scope, account_id: str) -> list[str]:
    """Return the account's id in a list when it is in the scope, else an empty list."""
    found = session.execute(
        f"SELECT account_id FROM account_facts WHERE account_id = %(account)s AND {MINE}".encode(),  # noqa: S608  # fixed
        {"account": account_id, **scope.parameters()},
    )
    return [str(row[0]) for row in found]


def read_rows(session: Session, where: sql.SQL, *values: object, covered: Condition = EVERY) -> AccountRows:
    """Read the accounts chosen by BY_IDS (a list) or BY_RANGE (first and last id), as far as `covered` holds."""
    return rows_of(_read(session, where, *values, covered=covered))


def read_bare(session: Session, accounts: Sequence[str]) -> AccountRows:
    """Read accounts as if they had neither settings nor holdings: their documents are not decoded."""
    table = _read(session, BY_IDS, accounts)
    starts = np.zeros(len(table) + 1, np.int64)
    restrictions, holdings = Ragged(starts, records(RESTRICTION, 0)), Ragged(starts, records(HOLDING, 0))
    settings = np.tile(OFF_SETTINGS, (len(table), 1))
    own_roles = Ragged(starts, records(OWN_ROLE, 0))
    return AccountRows(table, table.texts(_COLUMN["a.account_id"]), settings, restrictions, holdings, own_roles)


def read_ids(session: Session, where: sql.SQL, *values: object, covered: Condition = EVERY) -> list[str]:
    """Return the ids that `read_rows` would read, in order."""
    chosen = where.format(*(sql.Literal(value) for value in values))
    query = sql.SQL("SELECT account_id FROM account_facts WHERE {} AND {} ORDER BY 1").format(chosen, covered)
    return [str(account_id) for (account_id,) in session.execute(query)]


def _read(session: Session, where: sql.SQL, *values: object, covered: Condition = EVERY) -> pgcopy.PgTable:
    chosen = where.format(*(sql.Literal(value) for value in values))
    return pgcopy.read(session, _CHOSEN.format(columns=_COLUMNS, chosen=chosen, covered=covered), (), len(READ))


def rows_of(table: pgcopy.PgTable) -> AccountRows:
    """Return the accounts in a COPY whose columns are in the order of READ."""
    settings, restrictions = _settings(table)
    starts, data = table.spans(_COLUMN["a.holdings"])
    holdings = Ragged(starts // HOLDING.itemsize, as_records(HOLDING, data.view("<i8")))
    starts, data = table.spans(_COLUMN["a.holding_roles"])
    own_roles = Ragged(starts // OWN_ROLE.itemsize, as_records(OWN_ROLE, data.view("<i8")))
    return AccountRows(table, table.texts(_COLUMN["a.account_id"]), settings, restrictions, holdings, own_roles)


def _settings(table: pgcopy.PgTable) -> tuple[Ints, Ragged]:
    """Return settings[n, SETTINGS] and the restrictions; an account without settings is off."""
    starts, data = table.spans(_COLUMN["a.settings"])
    values = data.view("<i8")
    starts = starts // values.itemsize
    known = np.diff(starts) > 0
    settings = np.tile(OFF_SETTINGS, (len(table), 1))
    if known.any():
        settings[known] = values[starts[:-1][known][:, None] + np.arange(SETTINGS)]
    ends = starts_of(np.where(known, np.diff(starts) - SETTINGS, 0))
    keep = np.ones(len(values), bool)
    keep[(starts[:-1][known][:, None] + np.arange(SETTINGS)).ravel()] = False
    return settings, Ragged(ends // len(fields_of(RESTRICTION)), as_records(RESTRICTION, values[keep]))
