"""Starting an analysis run: inserted once, with its shards, in one transaction.

A run starts only when no replacement of a flag is in flight (flags.lock_replacements).  So an evaluation either is seen
by the run or has seen the prices that the run is made with.  Source: architecture "Daily analysis".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from services.analyzer.store import flags, price_sets
from services.analyzer.store.database import Session
from services.analyzer.store.facts import PRICE_HELD
from services.analyzer.store.runs import Covers, RunKind
from shared.contracts.tenancy import SYSTEM, Scope

SHARD_ACCOUNTS: Final = 10_000
_COVERED: Final[dict[Covers, str]] = {
    "BOOK": "true",
    "PORTFOLIOS": "a.portfolio_no = ANY(%(portfolios)s)",
    "PRICE_HELD": f"a.account_id IN (SELECT account_id FROM flag WHERE {PRICE_HELD})",  # noqa: S608  # fixed
}
_OWNED: Final = (
    "(%(enterprises)s::text[] IS NULL OR a.enterprise_id = ANY(%(enterprises)s))"
    " AND (%(advisors)s::text[] IS NULL OR a.advisor_id = ANY(%(advisors)s))"
)
_INSERT: Final = """
INSERT INTO analysis_run (business_date, kind, seq, price_set, price_generation, started_at, accounts, covers,
    portfolios, subject, announced, rights, started_by, enterprises, advisors)
SELECT %(day)s, %(kind)s, CASE WHEN %(kind)s = 'DAILY' THEN 0 ELSE coalesce((SELECT max(seq) FROM analysis_run
    WHERE business_date = %(day)s AND kind = %(kind)s AND rights = %(rights)s), 0) + 1 END,
    %(set)s, %(generation)s, %(now)s, 0, %(covers)s, %(portfolios)s, %(subject)s, %(announced)s,
    %(rights)s, %(started_by)s, %(enterprises)s::text[], %(advisors)s::text[]
ON CONFLICT DO NOTHING RETURNING run_no
"""
# The counts by advisor (analysis_part) serve those who wait for a run; after 30 days only its totals stay.
_FORGET: Final = (
    "DELETE FROM analysis_part USING analysis_run AS r WHERE r.run_no = analysis_part.run_no"
    " AND r.finished_at < %(now)s - interval '30 days'"
)


@dataclass(frozen=True)
class Coverage:
    """The accounts that a run covers.

    BOOK: all.  PORTFOLIOS: those that have one of these portfolios (by number) when they are evaluated.
    PRICE_HELD: those that are then held for want of a price.
    subject: names what the run is for; a second run of the same subject is never started.
    """

    covers: Covers
    portfolios: Sequence[int] | None = None
    subject: str | None = None


def start(
    session: Session,
    kind: RunKind,
    business_date: date,
    now: datetime,
    scope: Scope = SYSTEM,
    subject: str | None = None,
) -> int | None:
    """Insert a run over all accounts of the scope, with its shards, and return its number.

    A daily run is inserted once a business date, and only when there are prices and accounts; else None.
    On demand, an unfinished run of the same date and rights is returned instead of a second one; so is a run of the
    same `subject`, however old.
    """
    flags.lock_replacements(session)
    if subject is not None:
        known = session.execute("SELECT run_no FROM analysis_run WHERE subject = %s", [subject]).fetchone()
        if known is not None:
            return int(known[0])
    if kind == "ON_DEMAND":
        open_run = session.execute(
            "SELECT run_no FROM analysis_run WHERE kind = 'ON_DEMAND' AND business_date = %s AND rights = %s"
            " AND finished_at IS NULL",
            [business_date, _owner_columns(scope)["rights"]],
        ).fetchone()
        if open_run is not None:
            return int(open_run[0])
    if kind == "DAILY" and not _has_prices_and_accounts(session):
        return None
    return _insert(session, kind, business_date, now, Coverage("BOOK", subject=subject), scope)


def start_part(session: Session, kind: RunKind, coverage: Coverage, business_date: date, now: datetime) -> int | None:
    """Insert a run over a part of the book; return its number, None when there has been a run of that subject.

    Evaluations wait until this transaction ends and then see what it has stored.
    """
    flags.lock_replacements(session)
    return _insert(session, kind, business_date, now, coverage)


def _insert(
    session: Session, kind: RunKind, business_date: date, now: datetime, coverage: Coverage, scope: Scope = SYSTEM
) -> int | None:
    generation, price_set = price_sets.in_force(session)
    values = {
        "day": business_date, "kind": kind, "now": now, "set": price_set or 0, "generation": generation,
        "covers": coverage.covers, "portfolios": None if coverage.portfolios is None else list(coverage.portfolios),
        "subject": coverage.subject, "size": SHARD_ACCOUNTS, "announced": coverage.covers != "BOOK",
        **_owner_columns(scope),
    }  # fmt: skip
    inserted = session.execute(_INSERT, values).fetchone()
    if inserted is None:
        return None
    values["run"] = inserted[0]
    session.execute(
        "WITH numbered AS (SELECT account_id, enterprise_id, advisor_id,"  # noqa: S608  # fixed
        " (row_number() OVER (ORDER BY account_id) - 1) / %(size)s AS shard"
        f" FROM account_facts AS a WHERE {_COVERED[coverage.covers]} AND {_OWNED}),"
        " shards AS (INSERT INTO analysis_shard (run_no, shard, first_id, last_id, accounts)"
        " SELECT %(run)s, shard, min(account_id), max(account_id), count(*) FROM numbered GROUP BY shard)"
        " INSERT INTO analysis_part (run_no, shard, enterprise_id, advisor_id, accounts)"
        " SELECT %(run)s, shard, enterprise_id, advisor_id, count(*) FROM numbered GROUP BY 2, 3, 4".encode(),
        values,
    )
    session.execute(_FORGET, values)
    session.execute(
        "UPDATE analysis_run SET accounts ="
        " coalesce((SELECT sum(accounts) FROM analysis_shard WHERE run_no = %(run)s), 0) WHERE run_no = %(run)s",
        values,
    )
    return int(inserted[0])


def _owner_columns(scope: Scope) -> dict[str, Any]:
    """Return whose accounts a run of this scope covers, and who starts it."""
    if scope.service:
        return {"enterprises": None, "advisors": None, "started_by": None, "rights": ""}
    named = ["*" if names is None else ",".join(sorted(names)) for names in (scope.enterprises, scope.advisors)]
    owners = {name: value for name, value in scope.parameters().items() if name != "subject"}
    return owners | {"started_by": scope.subject, "rights": "|".join(named)}


def _has_prices_and_accounts(session: Session) -> bool:
    query = "SELECT EXISTS (SELECT FROM price_set) AND EXISTS (SELECT FROM account_facts)"
    row = session.execute(query).fetchone()
    return row is not None and bool(row[0])
