"""Writing account facts: rows arrive by COPY and are merged into account_facts by version."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from services.analyzer.domain.layout import Ints
from services.analyzer.store import pgcopy
from services.analyzer.store.database import Session
from shared.columnar import Arrow
from shared.contracts.succession import Known

_HOLDINGS: Final = (
    "account_id", "enterprise_id", "advisor_id", "lots_version", "as_of", "file_id", "cash_cents", "hold_code",
    "hold_text", "holdings", "received_at",
)  # fmt: skip

# A hold keeps the last good holdings.  facts_version grows only when something changes that proposals rest on.
# Settling ends with a good file that is dated on or after the settle date and came after the approval, in whatever
# order the two are taken in: `mark_rebalanced` looks at the file that is there already.  Where an instant is not known,
# the file that was there when the approval was taken in came before it.
# The platform decides who owns an account; taxlot's owner counts only until the platform has named one, because taxlot
# may not yet know of a move.  Source: product 2, 3.
_MERGE_HOLDINGS: Final = """
INSERT INTO account_facts AS a (account_id, enterprise_id, advisor_id, facts_version, lots_version, as_of, file_id,
                                cash_cents, hold_code, hold_text, holdings, received_at)
SELECT account_id, enterprise_id, advisor_id, 1, lots_version, as_of, file_id, coalesce(cash_cents, 0), hold_code,
       hold_text, CASE WHEN hold_code IS NULL THEN holdings END, received_at
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
    hold_code = excluded.hold_code, hold_text = excluded.hold_text, received_at = excluded.received_at,
    settle_date = CASE WHEN excluded.hold_code IS NULL AND excluded.as_of >= a.settle_date
        AND coalesce(excluded.received_at > a.decided_at, a.settle_as_of IS NULL
            OR excluded.as_of > a.settle_as_of OR excluded.file_id IS DISTINCT FROM a.settle_file_id)
        THEN NULL ELSE a.settle_date END
WHERE excluded.lots_version > a.lots_version
   OR excluded.lots_version = a.lots_version AND excluded.as_of >= coalesce(a.as_of, '-infinity')
      AND (a.as_of, a.file_id, a.cash_cents, a.hold_code, a.hold_text, a.holdings) IS DISTINCT FROM
          (excluded.as_of, excluded.file_id, excluded.cash_cents, excluded.hold_code, excluded.hold_text,
           excluded.holdings)
"""

_MARK_REBALANCED: Final = """
UPDATE account_facts AS a SET epoch = n.epoch, last_rebalanced = n.day,
    settle_date = CASE WHEN a.hold_code IS NULL AND a.as_of >= n.session AND a.received_at > n.decided_at
        THEN NULL ELSE n.session END,
    settle_as_of = a.as_of, settle_file_id = a.file_id, decided_at = n.decided_at
FROM (SELECT * FROM unnest(%s::text[], %s::int[], %s::date[], %s::date[], %s::timestamptz[])
    AS u (account_id, epoch, day, session, decided_at) ORDER BY 1) AS n
WHERE a.account_id = n.account_id AND a.epoch < n.epoch
"""

_ACCOUNT: Final = (
    "account_id", "enterprise_id", "advisor_id", "settings_version", "portfolio_no", "custodian", "account_number",
    "title", "tax_household_id", "custody", "on_count", "last_rebalanced", "settings", "settings_problem",
    "lot_picks", "holding_roles", "settings_content",
)  # fmt: skip

# The platform's last-rebalanced date counts for an account that is new here; turning the rebalancer on clears the date.
_MERGE_ACCOUNT: Final = """
INSERT INTO account_facts AS a (account_id, enterprise_id, advisor_id, facts_version, settings_version, portfolio_no,
    custodian, account_number, title, tax_household_id, custody, on_count, last_rebalanced, settings, settings_problem,
    lot_picks, holding_roles, settings_content)
SELECT account_id, enterprise_id, advisor_id, 1, settings_version, portfolio_no, custodian, account_number, title,
    tax_household_id, custody, on_count, last_rebalanced, settings, settings_problem, lot_picks, holding_roles,
    settings_content
FROM incoming_account ORDER BY account_id
ON CONFLICT (account_id) DO UPDATE SET
    enterprise_id = excluded.enterprise_id, advisor_id = excluded.advisor_id,
    facts_version = a.facts_version + CASE WHEN
        (a.settings, a.settings_problem, a.portfolio_no, a.tax_household_id, a.on_count, a.enterprise_id, a.advisor_id,
            a.lot_picks, a.holding_roles)
        IS DISTINCT FROM (excluded.settings, excluded.settings_problem, excluded.portfolio_no,
            excluded.tax_household_id, excluded.on_count, excluded.enterprise_id, excluded.advisor_id,
            excluded.lot_picks, excluded.holding_roles)
        THEN 1 ELSE 0 END,
    settings_version = excluded.settings_version, portfolio_no = excluded.portfolio_no, custodian = excluded.custodian,
    account_number = excluded.account_number, title = excluded.title, tax_household_id = excluded.tax_household_id,
    custody = excluded.custody, on_count = excluded.on_count,
    last_rebalanced = CASE WHEN a.settings_version = 0 THEN coalesce(a.last_rebalanced, excluded.last_rebalanced)
        WHEN excluded.on_count > a.on_count THEN NULL ELSE a.last_rebalanced END,
    settings = excluded.settings, settings_problem = excluded.settings_problem, lot_picks = excluded.lot_picks,
    holding_roles = excluded.holding_roles, settings_content = excluded.settings_content
WHERE excluded.settings_version > a.settings_version
"""


@dataclass(frozen=True)
class HoldingsChunk:
    """Holdings to merge, one row an account.

    documents: the holdings of the accounts one after another; those of account i are bytes starts[i]:starts[i + 1].
    securities: the numbers of all securities held.  received_at: when each file came, microseconds since 1970-01-01
    UTC; NULL of pgcopy: not known.
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
    received_at: Ints


def merge_holdings(session: Session, chunk: HoldingsChunk) -> None:
    """Merge holdings, each account at most once; rows older than the stored ones are skipped."""
    columns: list[pgcopy.Column] = [
        pgcopy.text_column(chunk.account_id),
        pgcopy.text_column(chunk.enterprise_id),
        pgcopy.text_column(chunk.advisor_id),
        pgcopy.PgIntColumn(chunk.lots_version, 8),
        pgcopy.PgIntColumn(pgcopy.postgres_days(chunk.as_of), 4),
        pgcopy.text_column(chunk.file_id),
        pgcopy.PgIntColumn(chunk.cash_cents, 8),
        pgcopy.text_column(chunk.hold_code),
        pgcopy.text_column(chunk.hold_text),
        pgcopy.bytes_column(chunk.starts, chunk.documents),
        pgcopy.PgIntColumn(pgcopy.postgres_micros(chunk.received_at), 8),
    ]
    pgcopy.write(session, "incoming_holdings", _HOLDINGS, columns)
    session.execute(_MERGE_HOLDINGS)


def known_versions(session: Session, accounts: Sequence[str]) -> dict[str, Known]:
    """Return the settings version of each known account, with the digest of its content."""
    rows = session.execute(
        "SELECT account_id, settings_version, settings_content FROM account_facts WHERE account_id = ANY(%s)",
        [list(accounts)],
    )
    return {account_id: Known(version, content) for account_id, version, content in rows}


def merge_accounts(session: Session, rows: Sequence[Sequence[Any]]) -> None:
    """Merge settings, each account at most once; rows in the order of the columns of incoming_account."""
    statement = sql.SQL("COPY incoming_account ({}) FROM STDIN").format(
        sql.SQL(", ").join(map(sql.Identifier, _ACCOUNT))
    )
    with session.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
    session.execute(_MERGE_ACCOUNT)


class AccountApproval(NamedTuple):
    """An approval of an account.

    day: the business date of its batch.  session: on which its orders are traded.  decided_at: None in messages of
    early releases, which do not say it.
    """

    account_id: str
    epoch: int
    day: date
    session: date
    decided_at: datetime | None


def mark_rebalanced(session: Session, approvals: Sequence[AccountApproval]) -> None:
    """Set last-rebalanced date, epoch and SETTLING of approved accounts; an epoch that is not newer changes nothing.

    approvals: each account at most once.  One that is taken in after the good file that settles it is settled.
    """
    columns = list(zip(*approvals, strict=True)) or [()] * len(AccountApproval._fields)
    session.execute(_MARK_REBALANCED, [list(column) for column in columns])
