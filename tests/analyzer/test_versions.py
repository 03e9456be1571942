"""What was stored under an earlier version of the schema is read as it was meant."""

import numpy as np
import psycopg
import pytest

from services.analyzer.domain.layout import NONE, Setting, to_bytes
from services.analyzer.store import facts, price_sets
from services.analyzer.store.database import Database, Session
from services.analyzer.store.targets import TargetBook
from shared.contracts.codes import Restriction
from shared.contracts.platform import SecurityRestriction
from shared.fixed_point.records import as_table
from shared.postgres.migrations import migrate
from tests.analyzer.builders import account, portfolio
from tests.analyzer.harness import Harness
from tests.stackfix.infrastructure import as_role, fresh_database

pytestmark = pytest.mark.integration
LIMITS = (Setting.GAIN_BUDGET_SHORT_CENTS, Setting.GAIN_BUDGET_TOTAL_CENTS, Setting.NO_SHORT_TERM_GAINS)


async def test_settings_stored_before_there_were_gain_limits_have_none(
    harness: Harness, admin_database_url: str
) -> None:
    """A document of version 0002 holds twelve settings and its restrictions: all of them stay, and no limit is set."""
    restrictions = [SecurityRestriction(security_id="AAA", kind="DO_NOT_SELL")]
    await harness.handlers.on_accounts([account("a1", 1, cash_set_aside="3.00", restrictions=restrictions)])
    with harness.database.session() as session:
        stored = facts.read_rows(session, facts.BY_IDS, ["a1"])
    old = np.concatenate((np.delete(stored.settings[0], LIMITS), as_table(stored.restrictions.data)[0]))
    with fresh_database(admin_database_url) as url:
        owner = as_role(url, "analyzer_migrator")
        migrate("analyzer", owner, "0002")
        with psycopg.connect(owner) as connection:
            connection.execute(
                "INSERT INTO account_facts (account_id, enterprise_id, advisor_id, facts_version, settings)"
                " VALUES ('a1', 'E1', 'A1', 1, %s)",
                [to_bytes(old)],
            )
        migrate("analyzer", owner)
        with Database(as_role(url, "analyzer")) as database, database.session() as session:
            read = facts.read_rows(session, facts.BY_IDS, ["a1"])
    assert read.settings.tolist() == stored.settings.tolist()
    assert [int(read.settings[0, name]) for name in LIMITS] == [NONE, NONE, 0]
    assert read.restrictions.data.kinds.tolist() == [Restriction.DO_NOT_SELL]


def test_price_sets_stored_before_they_were_looked_at_count_in_the_order_of_their_numbers(database_url: str) -> None:
    migrate("analyzer", database_url, "standings_told")
    with psycopg.connect(database_url, options="-c search_path=analyzer", autocommit=True) as connection:
        connection.execute("INSERT INTO price_set VALUES (9, '2026-01-05', ''), (7, '2026-01-02', '')")
        connection.execute(
            "INSERT INTO analysis_run (business_date, kind, seq, price_set, started_at, accounts)"
            " VALUES ('2026-01-05', 'DAILY', 0, 9, now(), 1)"
        )
    migrate("analyzer", database_url)
    with psycopg.connect(database_url, options="-c search_path=analyzer", autocommit=True) as connection:
        assert price_sets.in_force(connection) == (2, 9)
        rows = connection.execute("SELECT kind, covers, price_generation FROM analysis_run").fetchall()
    assert rows == [("DAILY", "BOOK", 0)]


async def test_a_target_that_an_earlier_release_wrote_counts_as_it_was_rounded(harness: Harness) -> None:
    """0.9 x 0.666666667 = 0.6000000003 is 0.6 after an earlier release wrote its document; then it is exact again."""
    await harness.book("a1")
    with harness.database.session() as session:
        ((number, version),) = session.execute("SELECT portfolio_no, target_version FROM target").fetchall()
        assert rests_of(session, number) == [300_000_000, -300_000_000]
        # as it stores a target, without a word of rests
        session.execute("UPDATE target SET target_version = nextval('target_version'), cause = 'an earlier release'")
        assert rests_of(session, number) == [0, 0]
    await harness.handlers.on_portfolios([portfolio(2)])
    with harness.database.session() as session:
        assert rests_of(session, number) == [300_000_000, -300_000_000]
        ((newest,),) = session.execute("SELECT target_version FROM target").fetchall()
        assert newest > version + 1, "the exact target is another one than the rounded"
    await harness.handlers.on_portfolios([portfolio(3)])
    with harness.database.session() as session:
        assert session.execute("SELECT target_version FROM target").fetchall() == [(newest,)], "it has not changed"


def rests_of(session: Session, portfolio_no: int) -> list[int]:
    """Return what the exact targets of the portfolio's positions are more than what is shown."""
    target = TargetBook().of(session, [portfolio_no])[portfolio_no].target
    assert target is not None
    rests: list[int] = target.rows.rest.tolist()
    return rests
