"""The database of an earlier release, brought up to date as a start does it: nothing lost, and as safe as a new one."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest
from psycopg import Connection

from deploy import roles
from services.analyzer import routes
from services.gateway.app import readiness
from services.taxlot.intake.uploads import Uploads
from services.taxlot.routes import router as taxlot_router
from services.taxlot.settings import Settings
from shared.contracts.tenancy import Scope
from shared.http.app import create_app
from shared.http.routing import vouched
from shared.postgres.migrations import migrate
from shared.postgres.pool import Requests, pool
from shared.runtime.clock import FileClock, set_instant
from tests.analyzer.harness import OpenDependencies, settings_for
from tests.batch.harness import Harness as BatchHarness
from tests.security.tenants import PROTECTED, Tables
from tests.signing import PUBLIC_KEY, SignedAs, somebody
from tests.stackfix.infrastructure import as_role, fresh_database
from tests.upgrade.before import MORNING, Upgraded, columns_of, rows_of

pytestmark = pytest.mark.integration
MADE_ANEW: Final = {"batch.analysis"}
"""What it held was of the whole book, and nobody can say how much of it was whose: the next analysis fills it."""

# Everything that an object of the services' schemas is, in words that do not depend on when it was made.
_CATALOGUE: Final = {
    "owners of schemas, and who may what": (
        "SELECT nspname, nspowner::regrole::text, nspacl::text FROM pg_namespace WHERE nspname = ANY(%s)"
    ),
    "relations": (
        "SELECT c.oid::regclass::text, relkind::text, relowner::regrole::text, relrowsecurity, relforcerowsecurity,"
        " (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(relacl) AS a), reloptions::text"
        " FROM pg_class c WHERE relnamespace = ANY(%s::regnamespace[])"
    ),
    "columns": (
        "SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull, attidentity::text,"
        " pg_get_expr(adbin, adrelid), attacl::text FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid"
        " LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum"
        " WHERE relnamespace = ANY(%s::regnamespace[]) AND attnum > 0 AND NOT attisdropped"
    ),
    "constraints": (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = ANY(%s::regnamespace[])"
    ),
    "policies": (
        "SELECT schemaname, tablename, policyname, array(SELECT r::text FROM unnest(roles) r ORDER BY 1), cmd, qual,"
        " with_check FROM pg_policies WHERE schemaname = ANY(%s)"
    ),
    "functions": (
        "SELECT f.oid::regprocedure::text, proowner::regrole::text, prosecdef, prosrc,"
        " array(SELECT r.rolname FROM pg_roles r WHERE r.rolname LIKE n.nspname || '%%'"
        "  AND has_function_privilege(r.oid, f.oid, 'EXECUTE') ORDER BY 1)"
        " FROM pg_proc f JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = ANY(%s)"
    ),
    "triggers": (
        "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c"
        " ON c.oid = tgrelid WHERE relnamespace = ANY(%s::regnamespace[]) AND NOT tgisinternal"
    ),
}


def test_every_row_is_there_and_new_columns_say_what_is_right_for_it(upgraded: Upgraded) -> None:
    assert sorted(name for name, rows in upgraded.rows.items() if not rows) == []
    with psycopg.connect(upgraded.url) as connection:
        after = columns_of(connection)
        for table, before in upgraded.rows.items():
            if table not in MADE_ANEW:
                assert rows_of(connection, table, upgraded.columns[table]) == before, table
        new = {
            f"{table}.{column}": {row[0] for row in rows_of(connection, table, [column])}
            for table, columns in upgraded.columns.items()
            for column in set(after[table]) - set(columns)
            if table not in MADE_ANEW
        }
        assert new == IN_NEW_COLUMNS
        assert connection.execute("SELECT count(*) FROM batch.analysis").fetchone() == (0,)
        for said, query in TRUE_OF_NEW_TABLES.items():
            assert connection.execute(query.encode()).fetchall() == [], said


# Of every column that has been added since: all values that rows from before have in it.
IN_NEW_COLUMNS: Final[dict[str, set[str | None]]] = {
    "analyzer.account_facts.settings_content": {None},  # agrees with whatever comes of the version that is there
    "analyzer.account_facts.holding_roles": {None},
    "analyzer.target.rests": {None},  # targets count as they were rounded
    "analyzer.target.rests_version": {None},
    "analyzer.security.content": {None},
    "analyzer.security.roles": {"144"},  # managed in every kind of account, as all were
    "analyzer.security.price_divisor": {"1"},
    "analyzer.analysis_shard.told": {"false"},
    "analyzer.analysis_shard.failures": {"0"},
    "analyzer.price_set.status": {"ACCEPTED"},  # it was in force
    "analyzer.price_set.reasons": {"{}"},
    "analyzer.price_set.notes": {"{}"},
    "analyzer.price_set.arrived_at": {None},
    "analyzer.price_set.told_no": {"0"},
    "analyzer.flag.price_generation": {"0"},  # older than that of any set: the next evaluation replaces it
    "analyzer.analysis_run.price_generation": {"0"},
    "analyzer.analysis_run.covers": {"BOOK"},
    "analyzer.analysis_run.portfolios": {None},
    "analyzer.analysis_run.subject": {None},
    "analyzer.analysis_run.started_by": {None},
    "analyzer.analysis_run.enterprises": {None},  # all
    "analyzer.analysis_run.advisors": {None},
    "analyzer.analysis_run.rights": {""},
    "analyzer.account_facts.received_at": {None},  # the file that was there when an approval was taken in tells
    "analyzer.account_facts.decided_at": {None},
    "taxlot.approved_trade.decided_at": {None},
    "taxlot.account.content": {None},
    "taxlot.account.holding_roles": {None},
    "taxlot.security.content": {None},
    "taxlot.security.roles": {"144"},
    "taxlot.security.price_divisor": {"1"},
    "taxlot.file.event_at": {None},  # it was published, or will be at a time of its own
    "taxlot.file.sent_by": {None},  # the custodian's own
    "taxlot.file.sent_enterprises": {None},
    "taxlot.file.sent_advisors": {None},
    "taxlot.file.rights": {""},
    "taxlot.file.mapping": {None},  # unknown: a mapped file that comes again is read again, the documented one is not
    "taxlot.file.again_of": {None},
    "batch.account.content": {None},
    "batch.batch.wash_seen": {None},  # checked against earlier batches at its approval
    "batch.batch.wash_session": {None},
    "batch.batch.turnover_cents": {"0"},  # until it is counted again; the approval counts afresh
    "batch.batch.note": {None},
    **{f"batch.batch.first_{what}": {None} for what in ("by", "name", "at", "note", "version")},
    "batch.batch_account.removed_version": {None},  # put back one by one
    "batch.batch_account.wash_earlier_cents": {None},
    "batch.batch_account.wash_earlier_permanent_cents": {None},
    "batch.batch_account.earlier_losses": {None},
    "batch.batch_account.over_budget_cents": {None},  # not compared with gain limits: nothing is claimed
    "batch.batch_account.gain_excesses": {None},
    "batch.batch_account.edit": {None},  # as it was proposed
    "batch.account.tax_household_id": {None},
}
# Each finds what would be wrong.
TRUE_OF_NEW_TABLES: Final = {
    "the newest set is in force": (
        "SELECT 1 WHERE (SELECT in_force FROM analyzer.price_decision ORDER BY generation DESC LIMIT 1)"
        " IS DISTINCT FROM (SELECT max(price_set) FROM analyzer.price_set)"
    ),
    "of an analysis that goes on every account has a part, done where its shard is": (
        "SELECT r.run_no FROM analyzer.analysis_run r CROSS JOIN LATERAL (SELECT sum(p.accounts) AS mine,"
        "  count(*) FILTER (WHERE p.done <> s.done) AS wrong FROM analyzer.analysis_part p"
        "  JOIN analyzer.analysis_shard s USING (run_no, shard) WHERE p.run_no = r.run_no) parts"
        " WHERE finished_at IS NULL AND (accounts IS DISTINCT FROM mine OR wrong > 0)"
    ),
    "one goes on": "SELECT 1 WHERE NOT EXISTS (SELECT FROM analyzer.analysis_run WHERE finished_at IS NULL)",
    "whoever has accounts at a file's custodian is concerned by it": (
        "SELECT f.file_id FROM taxlot.file f JOIN taxlot.account a USING (custodian) WHERE NOT EXISTS"
        " (SELECT FROM taxlot.file_part p WHERE (p.file_id, p.enterprise_id, p.advisor_id)"
        "  = (f.file_id, a.enterprise_id, a.advisor_id))"
    ),
    "every account's holdings are of a file that is its owner's": (
        "SELECT h.account_id FROM taxlot.holding h JOIN taxlot.account a USING (account_id) WHERE h.file_id IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM taxlot.file_part p WHERE (p.file_id, p.enterprise_id, p.advisor_id)"
        "  = (h.file_id, a.enterprise_id, a.advisor_id))"
    ),
    "what of a file is whose adds up": (
        "SELECT p.file_id FROM taxlot.file_part p JOIN taxlot.account a USING (enterprise_id, advisor_id)"
        " JOIN taxlot.holding h ON (h.account_id, h.file_id) = (a.account_id, p.file_id)"
        " GROUP BY p.file_id, enterprise_id, advisor_id, p.accounts, p.held"
        " HAVING (count(*), count(h.hold_code)) <> (p.accounts, p.held)"
    ),
    "what accounts hold counts as held": "SELECT 1 WHERE (SELECT count(*) FROM analyzer.held_security) < 10",
    "it is of the security master": (
        "SELECT security_no FROM analyzer.held_security EXCEPT SELECT security_no FROM analyzer.security"
    ),
    "what was approved with trades counts as booked": (
        "SELECT account_id, max(epoch) FROM taxlot.approved_trade GROUP BY 1 EXCEPT TABLE taxlot.approval"
    ),
    "what was there goes on under the ids it had": (
        "SELECT name FROM (TABLE analyzer.incarnation UNION ALL TABLE taxlot.incarnation UNION ALL"
        " TABLE batch.incarnation) i WHERE name <> ''"
    ),
    "a record of who did what begins": "SELECT 1 WHERE (SELECT seq FROM gateway.audit_head) IS DISTINCT FROM 0",
}


def test_it_is_the_same_as_one_made_today(upgraded: Upgraded, admin_database_url: str) -> None:
    """Owners, rights of every role, forced row-level security, policies, constraints, functions: all of it."""
    with fresh_database(admin_database_url) as url:
        for service in roles.SERVICES:
            migrate(service, as_role(url, f"{service}{roles.OWNER}"))
        with psycopg.connect(url) as new, psycopg.connect(upgraded.url) as old:
            for what, query in _CATALOGUE.items():
                assert _catalogue(old, query) == _catalogue(new, query), what
            assert _catalogue(new, _CATALOGUE["policies"])


def _catalogue(connection: Connection[Any], query: str) -> dict[str, Any]:
    rows = connection.execute(query.encode(), [list(roles.SERVICES)]).fetchall()
    return {repr(row[:2]): row for row in sorted(rows, key=repr)} | {"rows": len(rows)}


# Rows that concern several enterprises, and rows of one person.
SHARED: Final = {"taxlot.file", "taxlot.file_problem", "analyzer.analysis_run"}
OF_A_PERSON: Final = {"batch.idempotency", "gateway.app_user", "gateway.session"}


def test_requests_see_their_own_scope(upgraded: Upgraded) -> None:
    tables, looked_at = Tables(upgraded.url), 0
    scopes = {
        **{enterprise: Scope("somebody", (enterprise,), None) for enterprise in ("E1", "E2", "E3")},
        "one advisor": Scope("somebody", ("E1",), ("E1-ADV1",)),
        "nobody": Scope("somebody"),
        "none": None,
    }
    for service in roles.SERVICES:
        with tables.as_admin() as admin:
            protected = [name for (name,) in admin.execute(PROTECTED.encode(), [service]).fetchall()]
            every = {name: len(rows_of(admin, name, ["ctid"])) for name in protected}
        for name in (table for table in protected if _may_read(tables, service, table)):
            seen = {who: len(_seen(tables, service, name, scope)) for who, scope in scopes.items()}
            assert seen["one advisor"] <= seen["E1"], (name, seen)
            if name not in SHARED:
                assert seen["nobody"] == seen["none"] == 0, (name, seen)
                of_all = 0 if name in OF_A_PERSON else every[name]
                assert seen["E1"] + seen["E2"] + seen["E3"] == of_all, (name, seen)
            looked_at += 0 < seen["E1"] < every[name] or (name in SHARED and seen["E1"] > 0)
    assert looked_at >= 12


def _may_read(tables: Tables, service: str, name: str) -> bool:
    with tables.as_requests(service, None) as connection:
        return connection.execute("SELECT has_any_column_privilege(%s, 'SELECT')", [name]).fetchone() == (True,)


def _seen(tables: Tables, service: str, name: str, scope: Scope | None) -> list[Any]:
    with tables.as_requests(service, scope) as connection:
        return connection.execute(f"SELECT 1 FROM {name}".encode()).fetchall()


@pytest.fixture
async def clients(
    upgraded: Upgraded, kafka_url: str, tmp_path: Path
) -> AsyncIterator[Callable[[str], httpx.AsyncClient]]:
    """Make a client of a service on the database, as somebody of E1 and E2, on the morning after the book."""
    settings = settings_for(upgraded.url, kafka_url, tmp_path / "clock.json")
    set_instant(tmp_path / "clock.json", MORNING)
    clock, batch = FileClock(tmp_path / "clock.json"), BatchHarness(upgraded.url)
    batch.clock.instant = MORNING
    files = Settings(
        kafka_url=kafka_url,
        database_url=as_role(upgraded.url, "taxlot"),
        requests_database_url=as_role(upgraded.url, "taxlot_requests"),
        http_port=1,
        principal_public_key=PUBLIC_KEY,
        inbox_dir=tmp_path,
        clock_file=tmp_path / "clock.json",
    )
    async with (
        OpenDependencies(settings) as dependencies,
        pool(files.database_url, "taxlot", size=2) as work,
        Requests(as_role(upgraded.url, "taxlot_requests"), work, "taxlot", size=2) as requests,
    ):
        runs = routes.router(dependencies.database, dependencies.names, dependencies.contexts, clock, settings)
        ledger = taxlot_router(Uploads(files.inbox_dir, files.max_upload_bytes), clock, requests)
        apps = {
            "batch": batch.app,
            "analyzer": create_app("analyzer", _ready, routers=[runs], door=vouched("analyzer", PUBLIC_KEY, clock)),
            "taxlot": create_app("taxlot", _ready, routers=[ledger], door=vouched("taxlot", PUBLIC_KEY, clock)),
        }

        def client(service: str) -> httpx.AsyncClient:
            signed = SignedAs(somebody(enterprises=["E1", "E2"]), service, clock.now)
            return httpx.AsyncClient(transport=httpx.ASGITransport(apps[service]), base_url="http://x", auth=signed)

        yield client
        await batch.database.close()


async def _ready() -> list[str]:
    return []


async def test_services_work_on_it(upgraded: Upgraded, clients: Callable[[str], httpx.AsyncClient]) -> None:
    """The queue, a batch that waited for approval, its approval, positions, files, runs; and signing in."""
    async with clients("batch") as batch, clients("analyzer") as analyzer, clients("taxlot") as taxlot:
        queue = (await _asked(batch, "/v1/queue/accounts"))["rows"]
        assert {row["enterprise_id"] for row in queue} == {"E2"}, "those of E1 are in a batch, those of E3 not theirs"
        batches = {row["label"]: row for row in (await _asked(batch, "/v1/batches"))["rows"]}
        pending = await _asked(batch, f"/v1/batches/{batches['pending']['batch_id']}")
        (first, *_) = (await _asked(batch, f"/v1/batches/{pending['batch_id']}/accounts"))["rows"]
        detail = await _asked(batch, f"/v1/batches/{pending['batch_id']}/accounts/{first['account_id']}")
        assert [row["trades"] for row in detail["proposals"] if row["logic"] == detail["logic"]] != [[]]
        headers = {"Idempotency-Key": "after", "If-Match": f'"{pending["version"]}"'}
        approved = await batch.post(f"/v1/batches/{pending['batch_id']}/approve", headers=headers)
        assert (approved.status_code, approved.json()["batch"]["status"]) == (200, "APPROVED"), approved.text

        shown = await _asked(analyzer, f"/v1/positions/{queue[0]['account_id']}")
        assert shown["positions"]
        assert (await _asked(analyzer, "/v1/runs/latest"))["accounts"] > 0
        files = (await _asked(taxlot, "/v1/files"))["rows"]
        assert sum(row["accounts"] for row in files) > 0
        assert (await _asked(taxlot, f"/v1/files/{files[0]['file_id']}"))["file_id"] == files[0]["file_id"]
    gateway = as_role(upgraded.url, "gateway")
    async with (
        pool(gateway, "gateway", size=2) as work,
        Requests(as_role(upgraded.url, "gateway_requests"), work, "gateway", size=2) as requests,
    ):
        assert await readiness(requests)() == []


async def _asked(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    response = await client.get(path)
    assert response.status_code == 200, (path, response.text)
    return dict(response.json())
