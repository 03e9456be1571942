"""Account facts: one row an account, written by COPY, merged by version; read whole, with the present flag."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from services.analyzer.domain.layout import OFF_SETTINGS, SETTINGS, Ints, Ragged
from services.analyzer.store import pgcopy
from services.analyzer.store.database import Session
from shared.columnar import Arrow, starts_of
from shared.contracts.succession import Known
from shared.contracts.tenancy import MINE, Scope

_HOLDINGS: Final = (
    "account_id", "enterprise_id", "advisor_id", "lots_version", "as_of", "file_id", "cash_cents", "hold_code",
    "hold_text", "holdings",
)  # fmt: skip

# A hold keeps the last good holdings. The version grows only when what is proposed on changes; a settled account is
# one whose good file is dated on or after the trade date and came after the approval. Whose an account is, the platform
# says: taxlot's word counts until it has, for its chunk may rest on an account it has not heard of the move of.
# Source: product 2, 3.
_MERGE_HOLDINGS: Final = """
INSERT INTO account_facts AS a (account_id, enterprise_id, advisor_id, facts_version, lots_version, as_of, file_id,
                                cash_cents, hold_code, hold_text, holdings)
SELECT account_id, enterprise_id, advisor_id, 1, lots_version, as_of, file_id, coalesce(cash_cents, 0), hold_code,
       hold_text, CASE WHEN hold_code IS NULL THEN holdings END
FROM incoming_holdings ORDER BY account_id
ON CONFLICT (account_id) DO UPDATE SET
    enterprise_id = CASE WHEN a.settings_version = 0 THEN excluded.enterprise_id ELSE a.enterprise_id END,
    advisor_id = CASE WHEN a.settings_version = 0 THEN excluded.advisor_id ELSE a.advisor_id END,
    facts_version = a.facts_version + CASE WHEN
        (a.lots_version, a.hold_code, a.hold_text) IS DISTINCT FROM
        (excluded.lots_version, excluded.hold_code, excluded.hold_text)
        OR excluded.hold_code IS NULL
        AND (a.cash_cents, a.holdings) IS DISTINCT FROM (excluded.cash_cents, excluded.holdings)
        THEN 1 ELSE 0 END,
    lots_version = excluded.lots_version, as_of = excluded.as_of, file_id = excluded.file_id,
    cash_cents = CASE WHEN excluded.hold_code IS NULL THEN excluded.cash_cents ELSE a.cash_cents END,
    holdings = CASE WHEN excluded.hold_code IS NULL THEN excluded.holdings ELSE a.holdings END,
    hold_code = excluded.hold_code, hold_text = excluded.hold_text,
    settle_date = CASE WHEN excluded.hold_code IS NULL AND excluded.as_of >= a.settle_date
        AND (a.settle_as_of IS NULL OR excluded.as_of > a.settle_as_of
             OR excluded.file_id IS DISTINCT FROM a.settle_file_id)
        THEN NULL ELSE a.settle_date END
WHERE excluded.lots_version > a.lots_version
   OR excluded.lots_version = a.lots_version AND excluded.as_of >= coalesce(a.as_of, '-infinity')
      AND (a.as_of, a.file_id, a.cash_cents, a.hold_code, a.hold_text, a.holdings) IS DISTINCT FROM
          (excluded.as_of, excluded.file_id, excluded.cash_cents, excluded.hold_code, excluded.hold_text,
           excluded.holdings)
"""

_ACCOUNT: Final = (
    "account_id", "enterprise_id", "advisor_id", "settings_version", "portfolio_no", "custodian", "account_number",
    "title", "tax_household_id", "custody", "on_count", "last_rebalanced", "settings", "settings_problem",
    "lot_picks", "settings_content",
)  # fmt: skip

# The platform's own date counts for an account that is new to us; turning the rebalancer on clears every date.
_MERGE_ACCOUNT: Final = """
INSERT INTO account_facts AS a (account_id, enterprise_id, advisor_id, facts_version, settings_version, portfolio_no,
    custodian, account_number, title, tax_household_id, custody, on_count, last_rebalanced, settings, settings_problem,
    lot_picks, settings_content)
SELECT account_id, enterprise_id, advisor_id, 1, settings_version, portfolio_no, custodian, account_number, title,
    tax_household_id, custody, on_count, last_rebalanced, settings, settings_problem, lot_picks, settings_content
FROM incoming_account ORDER BY account_id
ON CONFLICT (account_id) DO UPDATE SET
    enterprise_id = excluded.enterprise_id, advisor_id = excluded.advisor_id,
    facts_version = a.facts_version + CASE WHEN
        (a.settings, a.settings_problem, a.portfolio_no, a.tax_household_id, a.on_count, a.enterprise_id, a.advisor_id,
            a.lot_picks)
        IS DISTINCT FROM (excluded.settings, excluded.settings_problem, excluded.portfolio_no,
            excluded.tax_household_id, excluded.on_count, excluded.enterprise_id, excluded.advisor_id,
            excluded.lot_picks)
        THEN 1 ELSE 0 END,
    settings_version = excluded.settings_version, portfolio_no = excluded.portfolio_no, custodian = excluded.custodian,
    account_number = excluded.account_number, title = excluded.title, tax_household_id = excluded.tax_household_id,
    custody = excluded.custody, on_count = excluded.on_count,
    last_rebalanced = CASE WHEN a.settings_version = 0 THEN coalesce(a.last_rebalanced, excluded.last_rebalanced)
        WHEN excluded.on_count > a.on_count THEN NULL ELSE a.last_rebalanced END,
    settings = excluded.settings, settings_problem = excluded.settings_problem, lot_picks = excluded.lot_picks,
    settings_content = excluded.settings_content
WHERE excluded.settings_version > a.settings_version
"""


@dataclass(frozen=True)
class HoldingsChunk:
    """A chunk of holdings to merge; documents are the accounts' holdings one after another, starts count bytes.

    securities: the numbers of all that are held.
    """

    account_id: Arrow
    enterprise_id: Arrow
    advisor_id: Arrow
    lots_version: Ints
    as_of: Ints  # days since 1970-01-01
    file_id: Arrow
    cash_cents: Ints
    hold_code: Sequence[str | None]
    hold_text: Sequence[str | None]
    securities: Ints
    starts: Ints
    documents: NDArray[np.uint8]


def merge_holdings(session: Session, chunk: HoldingsChunk) -> None:
    """Merge what a holdings chunk says; older than what is there is passed over.  Each account may stand there once."""
    columns: list[pgcopy.Column] = [
        pgcopy.text_column(chunk.account_id),
        pgcopy.text_column(chunk.enterprise_id),
        pgcopy.text_column(chunk.advisor_id),
        pgcopy.IntColumn(chunk.lots_version, 8),
        pgcopy.IntColumn(days_to_database(chunk.as_of), 4),
        pgcopy.text_column(chunk.file_id),
        pgcopy.IntColumn(chunk.cash_cents, 8),
        pgcopy.text_column(chunk.hold_code),
        pgcopy.text_column(chunk.hold_text),
        pgcopy.bytes_column(chunk.starts, chunk.documents),
    ]
    pgcopy.write(session, "incoming_holdings", _HOLDINGS, columns)
    session.execute(_MERGE_HOLDINGS)


def known_versions(session: Session, accounts: Sequence[str]) -> dict[str, Known]:
    """Return the settings version of the accounts that are known, with the digest of what it said."""
    rows = session.execute(
        "SELECT account_id, settings_version, settings_content FROM account_facts WHERE account_id = ANY(%s)",
        [list(accounts)],
    )
    return {account_id: Known(version, content) for account_id, version, content in rows}


def merge_accounts(session: Session, rows: Sequence[Sequence[Any]]) -> None:
    """Merge settings; rows are in the order of the columns of incoming_account, each account once."""
    statement = sql.SQL("COPY incoming_account ({}) FROM STDIN").format(
        sql.SQL(", ").join(map(sql.Identifier, _ACCOUNT))
    )
    with session.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
    session.execute(_MERGE_ACCOUNT)


def mark_rebalanced(session: Session, accounts: Sequence[str], epochs: Sequence[int], dates: Sequence[date]) -> None:
    """Set the date, the new epoch and SETTLING of approved accounts; an epoch that is not newer changes nothing."""
    session.execute(
        "UPDATE account_facts AS a SET epoch = n.epoch, last_rebalanced = n.day, settle_date = n.day,"
        " settle_as_of = a.as_of, settle_file_id = a.file_id"
        " FROM (SELECT * FROM unnest(%s::text[], %s::int[], %s::date[]) AS u (account_id, epoch, day) ORDER BY 1) AS n"
        " WHERE a.account_id = n.account_id AND a.epoch < n.epoch",
        [list(accounts), list(epochs), list(dates)],
    )


_DATE: Final = "({} - DATE '1970-01-01')"
# Whether a flag's public event is out: noted in its row, or known from its run, which ends when all of it is published.
ANNOUNCED: Final = (
    "(f.announced OR (f.run_no IS NOT NULL AND f.run_no NOT IN (SELECT run_no FROM analysis_shard WHERE NOT done)))"
)
READ: Final = (
    "a.account_id", "a.facts_version", "a.lots_version", "a.epoch", "a.portfolio_no", "a.on_count",
    _DATE.format("a.as_of"), _DATE.format("a.settle_date"), _DATE.format("a.last_rebalanced"), "a.cash_cents",
    "a.holdings", "a.settings", "a.hold_code", "a.hold_text", "a.settings_problem", "a.enterprise_id", "a.advisor_id",
    "a.tax_household_id", "a.lot_picks",
    "f.flag_version", "f.state", "f.tiles", _DATE.format("f.needed_since"), _DATE.format("f.last_rebalanced"),
    "f.causes", "f.hold_code", "f.portfolio_no", "f.target_version", "f.epoch", "f.on_count", "f.run_no",
    ANNOUNCED,
)  # fmt: skip
_COLUMN: Final = {name: place for place, name in enumerate(READ)}
PRICE_HELD: Final = "hold_code IN ('MISSING_PRICE', 'STALE_PRICE')"  # for want of a price
_EPOCH_2000: Final = 10_957  # days from 1970-01-01 to PostgreSQL's own zero


def days_to_database(days: Ints) -> Ints:
    """Return dates as PostgreSQL counts them; NULL stays."""
    return np.where(days == pgcopy.NULL, days, days - _EPOCH_2000)


@dataclass(frozen=True)
class AccountRows:
    """Facts and present flags of a chunk of accounts, in order of account id."""

    table: pgcopy.Table
    account_id: Arrow
    settings: Ints  # [n, SETTINGS]
    restrictions: Ragged  # data[.., 3]
    holdings: Ragged  # data[.., (key, quantity_micro)]

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
        """Return whose public event is out; that of an account without a flag counts as out."""
        return np.asarray(self.table.ints(_COLUMN[ANNOUNCED], 1) == 1)


BY_IDS: Final = sql.SQL("account_id = ANY({})")
BY_RANGE: Final = sql.SQL("account_id BETWEEN {} AND {}")

# Both tables are cut down by name: PostgreSQL carries an equality over to the other side of a join, but no range and
# no list, and would read every flag of the book for each shard.
_CHOSEN: Final = sql.SQL(
    "SELECT {columns} FROM (SELECT * FROM account_facts WHERE {chosen} AND {covered}) AS a"
    " LEFT JOIN (SELECT * FROM flag WHERE {chosen}) AS f USING (account_id) ORDER BY a.account_id"
)
_COLUMNS: Final = sql.SQL(", ").join(sql.SQL(name) for name in READ)


EVERY: Final = sql.SQL("true")


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
    """Return the accounts in a range held for want of a price; also those this run has evaluated: whoever did it may
    have died before it told anybody."""
    return sql.SQL(
        "account_id IN (SELECT account_id FROM flag WHERE account_id BETWEEN {} AND {} AND ({} OR run_no = {}))"
    ).format(sql.Literal(first_id), sql.Literal(last_id), sql.SQL(PRICE_HELD), sql.Literal(run_no))


def visible(session: Session, scope: Scope, account_id: str) -> list[str]:
    """Return the account's id in a list when it is of the scope, else an empty one."""
    found = session.execute(
        f"SELECT account_id FROM account_facts WHERE account_id = %(account)s AND {MINE}".encode(),  # noqa: S608  # fixed
        {"account": account_id, **scope.parameters()},
    )
    return [str(row[0]) for row in found]


def read_rows(session: Session, where: sql.SQL, *values: object, covered: sql.Composable = EVERY) -> AccountRows:
    """Read the accounts chosen by BY_IDS (a list) or BY_RANGE (first and last id), as far as they are covered."""
    return rows_of(_read(session, where, *values, covered=covered))


def read_bare(session: Session, accounts: Sequence[str]) -> AccountRows:
    """Read accounts without a look into their documents: as if they had neither settings nor holdings."""
    table = _read(session, BY_IDS, accounts)
    starts = np.zeros(len(table) + 1, np.int64)
    restrictions, holdings = Ragged(starts, np.zeros((0, 3), np.int64)), Ragged(starts, np.zeros((0, 2), np.int64))
    settings = np.tile(OFF_SETTINGS, (len(table), 1))
    return AccountRows(table, table.texts(_COLUMN["a.account_id"]), settings, restrictions, holdings)


def read_ids(session: Session, where: sql.SQL, *values: object, covered: sql.Composable = EVERY) -> list[str]:
    """Return the ids that `read_rows` would read, in order."""
    chosen = where.format(*(sql.Literal(value) for value in values))
    query = sql.SQL("SELECT account_id FROM account_facts WHERE {} AND {} ORDER BY 1").format(chosen, covered)
    return [str(account_id) for (account_id,) in session.execute(query)]


def _read(session: Session, where: sql.SQL, *values: object, covered: sql.Composable = EVERY) -> pgcopy.Table:
    chosen = where.format(*(sql.Literal(value) for value in values))
    return pgcopy.read(session, _CHOSEN.format(columns=_COLUMNS, chosen=chosen, covered=covered), (), len(READ))


def rows_of(table: pgcopy.Table) -> AccountRows:
    """Return the accounts that COPY answered with, its columns in the order of READ."""
    settings, restrictions = _settings(table)
    starts, data = table.spans(_COLUMN["a.holdings"])
    holdings = Ragged(starts // 16, data.view("<i8").reshape(-1, 2))
    return AccountRows(table, table.texts(_COLUMN["a.account_id"]), settings, restrictions, holdings)


def _settings(table: pgcopy.Table) -> tuple[Ints, Ragged]:
    """Return the fixed part of all settings as a matrix and their restrictions; an account without settings is off."""
    starts, data = table.spans(_COLUMN["a.settings"])
    starts, values = starts // 8, data.view("<i8")
    known = np.diff(starts) > 0
    settings = np.tile(OFF_SETTINGS, (len(table), 1))
    if known.any():
        settings[known] = values[starts[:-1][known][:, None] + np.arange(SETTINGS)]
    ends = starts_of(np.where(known, np.diff(starts) - SETTINGS, 0))
    keep = np.ones(len(values), bool)
    keep[(starts[:-1][known][:, None] + np.arange(SETTINGS)).ravel()] = False
    return settings, Ragged(ends // 3, values[keep].reshape(-1, 3))
