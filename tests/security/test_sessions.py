"""How sessions are opened: none waits for ever, and requests are served by a role that row-level security binds."""

from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import AsyncConnection

from services.taxlot.intake import load_lock
from shared.contracts.tenancy import RoleMayTooMuch, Scope
from shared.postgres.migrations import migrate
from shared.postgres.pool import BULK, MIGRATION, RELAY, REQUESTS, WORK, Busy, Pool, Requests, Use, arguments, pool
from tests.stackfix.infrastructure import as_role
from tests.waiting import until_async

pytestmark = pytest.mark.integration
NOBODY = Scope("")


@pytest.fixture
async def work(database_url: str) -> AsyncIterator[Pool]:
    migrate("gateway", as_role(database_url, "gateway_migrator"))
    async with pool(as_role(database_url, "gateway"), "gateway", size=2) as opened:
        yield opened


@pytest.mark.parametrize("use", [REQUESTS, WORK, BULK, RELAY, MIGRATION, load_lock.session_use()])
async def test_no_session_waits_for_ever(database_url: str, use: Use) -> None:
    async with await AsyncConnection.connect(database_url, **arguments("gateway", use, "test")) as connection:
        for setting in (
            "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "tcp_keepalives_idle",
            "tcp_user_timeout",
        ):  # fmt: skip
            row = await (await connection.execute(f"SHOW {setting}".encode())).fetchone()
            assert row is not None and row[0] not in ("0", "0s", "0ms"), setting


async def test_who_holds_the_relays_lock_and_falls_silent_loses_it(database_url: str) -> None:
    assert RELAY.silent_s > 0
    session = arguments("batch", replace(RELAY, silent_s=1), "holder")
    holder = await AsyncConnection.connect(database_url, autocommit=True, **session)
    await holder.execute("SELECT pg_advisory_lock(7)")
    async with await AsyncConnection.connect(database_url, autocommit=True) as other:

        async def has_it() -> bool:
            row = await (await other.execute("SELECT pg_try_advisory_lock(7)")).fetchone()
            return row is not None and bool(row[0])

        assert not await has_it()
        await until_async(has_it, within_s=30)
    await holder.close()


async def test_all_connections_lent_is_told_apart_from_a_database_that_is_away(work: Pool, database_url: str) -> None:
    async with Requests(as_role(database_url, "gateway_requests"), work, "gateway", size=1) as requests:
        async with requests.scoped(NOBODY):
            with pytest.raises(Busy, match="More is asked at once"):
                async with requests.scoped(NOBODY, 0.1):
                    pass
        async with requests.scoped(NOBODY) as connection:
            await connection.execute("SELECT 1")
    async with Requests("postgresql://nobody:x@127.0.0.1:9/none", work, "gateway", size=1) as requests:
        with pytest.raises(psycopg.OperationalError):
            async with requests.scoped(NOBODY, 0.1):
                pass


@pytest.mark.parametrize(
    ("role", "why"),
    [("postgres", "superuser"), ("gateway_migrator", "owns tables"), ("gateway", "all rows by a policy")],
)
async def test_nobody_is_served_with_a_role_that_may_too_much(
    work: Pool, database_url: str, role: str, why: str
) -> None:
    url = database_url if role == "postgres" else as_role(database_url, role)
    async with Requests(url, work, "gateway", size=1) as requests:
        with pytest.raises(RoleMayTooMuch, match=why):
            async with requests.scoped(NOBODY):
                pass
