"""The role that serves sees one scope: in every table with a tenant's rows, and whatever statement is smuggled in."""

from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import errors

from deploy import roles
from shared.contracts.tenancy import ENTER, Scope, sealed
from shared.postgres.migrations import migrate
from tests.security.tenants import Tables, scope_of_tenant
from tests.stackfix.infrastructure import as_role

pytestmark = pytest.mark.integration

# Tables without a policy, each with the reason. "work only": the role that serves requests has no right to it at all.
WITHOUT_POLICY = {
    "gateway.audit": "work only: who did and saw what; only its function adds to it",
    "gateway.audit_head": "work only: the end of the audit log",
    "analyzer.analysis_shard": "which runs go on; first and last account of a shard are for the work only",
    "analyzer.model": "models are the platform's, of no tenant",
    "analyzer.name": "numbers of securities, sleeves and portfolios",
    "analyzer.portfolio": "targets, which name no account",
    "analyzer.portfolio_model": "targets, which name no account",
    "analyzer.held_security": "work only: securities that somebody holds or held",
    "analyzer.price_decision": "decisions about price sets",
    "analyzer.price_set": "prices",
    "analyzer.price_withheld": "prices",
    "analyzer.security_version": "a number: how often securities have changed",
    "analyzer.security": "the security master",
    "analyzer.target": "targets, which name no account",
    "batch.withdrawn_prices": "price sets that were withdrawn, of no tenant",
    "batch.withdrawn_approval": "work only: batches approved on such prices",
    "batch.account_state": "work only: what was published of accounts",
    "batch.account_state_due": "work only: accounts of which something may have to be published",
    "batch.outbox": "work only: messages to send; commands add to it by a function that asks for the seal",
    "taxlot.progress": "work only: places in topics",
    "taxlot.reported_price": "work only: prices of custodians",
    "taxlot.security": "work only: the security master",
    **{f"{service}.alembic_version": "work only: history of migrations" for service in roles.SERVICES},
    **{f"{service}.incarnation": "a random name, of no tenant" for service in ("analyzer", "taxlot", "batch")},
    **{f"{service}.scope_key": "work only: the key of scopes" for service in roles.SERVICES},
}
NAMES_OF_TENANTS = ("enterprise_id", "enterprise_ids", "advisor_id", "advisor_ids", "account_id", "subject")


def test_every_table_of_every_service_forces_row_level_security_or_says_why_not(tables: Tables) -> None:
    with tables.as_admin() as connection:
        found = connection.execute(
            "SELECT c.oid::regclass::text, c.relrowsecurity AND c.relforcerowsecurity,"
            " has_any_column_privilege(n.nspname || '_requests', c.oid, 'SELECT'),"
            " EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = ANY(%s))"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p', 'm', 'f')",
            [list(NAMES_OF_TENANTS), list(roles.SERVICES)],
        ).fetchall()
    unprotected = {name for name, is_forced, _, _ in found if not is_forced}
    assert unprotected == set(WITHOUT_POLICY), "protect it (shared/postgres/migrations/security.py) or say here why not"
    for name, is_forced, is_read, names_tenants in found:
        assert is_forced or not (names_tenants and is_read), f"{name} names tenants and requests read it"
        assert not (is_read and WITHOUT_POLICY.get(name, "").startswith("work only")), name
    with tables.as_requests("analyzer", None) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("SELECT first_id FROM analysis_shard")


WRITES_TO_THE_AUDIT_LOG = (
    "INSERT INTO audit VALUES (1, '{}', '', '')",
    "UPDATE audit SET body = '{}'",
    "UPDATE audit SET body = '{}' WHERE false",
    "DELETE FROM audit",
    "DELETE FROM audit WHERE false",
    "TRUNCATE audit",
    "INSERT INTO audit_head VALUES (true, 1, '')",
    "UPDATE audit_head SET seq = 0",
    "DELETE FROM audit_head",
    "ALTER TABLE audit DISABLE TRIGGER ALL",
    "DROP TRIGGER kept ON audit",
)


@pytest.mark.parametrize("is_restored", [False, True])
@pytest.mark.parametrize("role", ["gateway", "gateway_requests"])
def test_the_audit_log_is_written_by_its_function_only(tables: Tables, role: str, is_restored: bool) -> None:
    if is_restored:  # by somebody else, as a backup that names no owners: then the roles are prepared again
        with tables.as_admin() as connection:
            connection.execute("ALTER TABLE gateway.audit OWNER TO CURRENT_USER")
            roles.give_schemas(connection)
    with psycopg.connect(as_role(tables.admin_url, role), autocommit=True) as connection:
        for statement in WRITES_TO_THE_AUDIT_LOG:
            with pytest.raises(errors.InsufficientPrivilege, match=r"permission denied|must be owner"):
                connection.execute(statement.encode())
        if role == "gateway":
            row = connection.execute('SELECT seq FROM audit_append(\'[{"action": "test"}]\')').fetchone()
            assert row == (1,) and connection.execute("SELECT seq FROM audit").fetchall() == [(1,)]
        else:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute("SELECT audit_append('[{}]')")


# What runs with its owner's rights and may be called by the role of requests, each with the reason.
WITH_RIGHTS_OF_THE_OWNER = {
    **{f"{service}.entered()": "whose rows the transaction may see" for service in roles.SERVICES},
    "batch.outbox_add(text,text[],bytea[],bytea[],text[])": "adds what carries the seal of the service",
    "taxlot.whole_files(bigint[])": "looks at the scope, answers about files that it covers wholly",
    "taxlot.notes_of_whole_file(bigint)": "asks whole_files",
    "batch.wash_losses(text[],date)": "looks at the scope's enterprises",
    "batch.wash_uses(text[])": "looks at the scope's enterprises",
    "batch.wash_buys(text[],timestamp with time zone)": "looks at the scope's enterprises",
    "batch.wash_sales(text[],date)": "looks at the scope's enterprises",
    "batch.wash_turns(text[],boolean,bigint)": "refuses enterprises out of scope",
}


def test_what_runs_with_the_rights_of_its_owner_says_why(tables: Tables) -> None:
    with tables.as_admin() as connection:
        found = connection.execute(
            "SELECT p.oid::regprocedure::text, p.proconfig::text FROM pg_proc p"
            " JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY(%s) AND p.prosecdef"
            " AND has_function_privilege(n.nspname || '_requests', p.oid, 'EXECUTE')",
            [list(roles.SERVICES)],
        ).fetchall()
    assert {name for name, _ in found} == set(WITH_RIGHTS_OF_THE_OWNER)
    assert all("search_path=pg_catalog" in settings for _, settings in found), "names in it would be the caller's"


def test_views_ask_with_the_rights_of_whoever_asks(tables: Tables) -> None:
    with tables.as_admin() as connection:
        views = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'v'"
            " AND c.relnamespace = ANY(%s::regnamespace[])"
            " AND NOT coalesce('security_invoker=true' = ANY(c.reloptions), false)",
            [list(roles.SERVICES)],
        ).fetchall()
    assert views == []


# Tables of which more may be read than written, each with the reason.
READ_IN_PART = {("batch", "batch", "SELECT"): "who sees some of its accounts sees that there is the batch"}


def test_who_serves_owns_nothing_and_only_named_roles_are_shown_all_rows(tables: Tables) -> None:
    with tables.as_admin() as connection:
        owners = connection.execute(
            "SELECT DISTINCT n.nspname, c.relowner::regrole::text FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY(%s) ORDER BY 1",
            [list(roles.SERVICES)],
        ).fetchall()
        policies = connection.execute(
            "SELECT schemaname, tablename, roles, cmd, qual, with_check FROM pg_policies WHERE schemaname = ANY(%s)",
            [list(roles.SERVICES)],
        ).fetchall()
    assert owners == [(service, f"{service}{roles.OWNER}") for service in sorted(roles.SERVICES)]
    for service, table, names, command, read, write in policies:
        if set(names) == {service, f"{service}{roles.OWNER}"}:
            continue
        if names == [roles.AUDITOR]:
            assert (command, write) == ("SELECT", None), table
            continue
        assert names == [f"{service}{roles.REQUESTS}"], (table, names)
        assert "true" not in (read, write), table
        if (service, table, command) in READ_IN_PART:
            assert write is None
            continue
        assert read == write, f"{service}.{table}: what may be read and what may be written differ"


def test_the_auditor_writes_nothing_and_reads_no_name_of_anybody(tables: Tables) -> None:
    with tables.as_admin() as connection:
        columns = connection.execute(
            "SELECT table_schema, table_name, column_name, privilege_type FROM information_schema.column_privileges"
            " WHERE grantee = %s",
            [roles.AUDITOR],
        ).fetchall()
        whole = connection.execute(
            "SELECT table_name, privilege_type FROM information_schema.table_privileges WHERE grantee = %s",
            [roles.AUDITOR],
        ).fetchall()
    assert whole == [], "columns are shown one by one"
    assert {schema for schema, _, _, _ in columns} == set(roles.AUDITED)
    assert {privilege for _, _, _, privilege in columns} == {"SELECT"}
    shown = {name for _, table, name, _ in columns if table != "incarnation"}  # whose name is random, and nobody's
    assert not shown & {"name", "title", "account_number", "manifest", "key", "requested_name", "decided_name"}


# Rows that concern everybody in an enterprise, whoever its accounts' advisors are.
OF_WHOLE_ENTERPRISES = {"batch.approval_rule", "batch.decision_link", "gateway.saved_view"}


def test_a_tenant_reads_its_own_rows_and_nobody_elses(tables: Tables) -> None:
    looked_at = 0
    for service, names in tables.protected.items():
        for name in names:
            with tables.as_requests(service, None) as connection:
                readable = ", ".join(
                    column for (column,) in connection.execute(
                        "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
                        " AND NOT attisdropped AND has_column_privilege(attrelid, attnum, 'SELECT')", [name]
                    )
                )  # fmt: skip
            if not readable:
                continue
            seen = {}
            for who, scope in {
                "one": scope_of_tenant(1),
                "two": scope_of_tenant(2),
                "stranger": scope_of_tenant(3),
                "other advisor": Scope("user3", ("E1", "E2"), ("D9",)),
                "no advisor": Scope("user3", ("E1", "E2"), ()),
                "nobody": Scope(""),
                "no scope": None,
            }.items():
                with tables.as_requests(service, scope) as connection:
                    seen[who] = connection.execute(f"SELECT {readable} FROM {name}".encode()).fetchall()
            elsewhere = 2 if name in OF_WHOLE_ENTERPRISES else 0
            assert [len(rows) for rows in seen.values()] == [1, 1, 0, elsewhere, elsewhere, 0, 0], name
            assert seen["one"] != seen["two"], name
            looked_at += 1
    assert looked_at >= 13


def test_a_tenant_can_neither_write_a_row_for_another_nor_move_or_touch_one(tables: Tables) -> None:
    for service, names in tables.protected.items():
        for name in names:
            with tables.as_requests(service, scope_of_tenant(1)) as connection:
                with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
                    tables.insert(connection, name, 3)
                columns = connection.execute(
                    "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                    " WHERE attrelid = %s::regclass AND attname = ANY(%s)",
                    [name, list(NAMES_OF_TENANTS)],
                ).fetchall()
                for column, kind in columns:
                    value = "'{E2}'" if kind.endswith("[]") else "'E2'"
                    if column.startswith(("advisor", "account")):
                        continue  # one tenant's own: an advisor's account may be given to another advisor
                    with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
                        connection.execute(f"UPDATE {name} SET {column} = {value}".encode())
                for statement in (f"DELETE FROM {name}", f"SELECT * FROM {name} FOR UPDATE"):
                    try:
                        with connection.transaction():
                            assert connection.execute(statement.encode()).rowcount <= 1, statement
                    except (errors.InsufficientPrivilege, errors.RestrictViolation):
                        continue


LIFTING = (
    "SET ROLE {service}",
    "SET ROLE {service}_migrator",
    "SET ROLE {admin}",
    "SET SESSION AUTHORIZATION {service}",
    "SET SESSION AUTHORIZATION {service}_migrator",
    "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE {table} OWNER TO {service}_requests",
    "DROP POLICY tenancy ON {table}",
    "ALTER POLICY tenancy ON {table} USING (true)",
    "CREATE POLICY mine ON {table} USING (true)",
    "GRANT {service} TO {service}_requests",
    "ALTER ROLE {service}_requests BYPASSRLS",
    "ALTER ROLE {service} PASSWORD 'mine'",
    "CREATE ROLE mine",
    "CREATE TABLE {service}.mine (x int)",
    "CREATE OR REPLACE FUNCTION {service}.entered() RETURNS {service}.entered_scope LANGUAGE sql AS 'SELECT NULL'",
    "SELECT * FROM {service}.scope_key",
    "TRUNCATE {table}",
    "SET session_replication_role = replica",
    "SET row_security = off; SELECT * FROM {table}",
    "SELECT set_config('app.scope', repeat('0', 64) || '{{\"enterprises\":[\"E2\"],\"all_advisors\":true}}', true);"
    " SELECT * FROM {table}",
    "COPY {table} FROM STDIN",
    "SELECT lo_import('/etc/passwd')",
)


@pytest.mark.parametrize("service", roles.SERVICES)
def test_the_role_that_serves_cannot_switch_it_off(tables: Tables, service: str) -> None:
    names = {"service": service, "table": tables.protected[service][0], "admin": urlsplit(tables.admin_url).username}
    passed = []
    for statement in LIFTING:
        with tables.as_requests(service, None) as connection:
            try:
                connection.execute(statement.format(**names).encode())
            except (errors.InsufficientPrivilege, errors.FeatureNotSupported):
                continue
            passed.append(statement)
    assert passed == []


@pytest.mark.parametrize("service", roles.SERVICES)
def test_no_setting_shows_a_row_more(tables: Tables, service: str) -> None:
    table = tables.protected[service][0]
    own = {f"{service}.service": "on", "app.service": "on", "app.enterprises": "{E2}", "app.all_advisors": "on"}
    with tables.as_requests(service, scope_of_tenant(1)) as connection:
        mine = connection.execute(f"SELECT * FROM {table}".encode()).fetchall()
        settable = connection.execute(
            "SELECT name, coalesce(enumvals[1], CASE vartype WHEN 'bool' THEN 'off' ELSE min_val END, '')"
            " FROM pg_settings"
            " WHERE context IN ('user', 'superuser', 'superuser-backend', 'backend')"
        ).fetchall()
        for name, value in [*settable, *((name, "off") for name, _ in settable), *own.items()]:
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute("SELECT set_config(%s, %s, true)", [name, value])
                    assert connection.execute(f"SELECT * FROM {table}".encode()).fetchall() == mine, name
            except psycopg.Error:
                continue  # refused, or nothing at all can be read with it
    assert len(settable) > 100


def test_a_scope_of_another_service_or_made_up_is_refused(tables: Tables) -> None:
    for forged in (sealed(scope_of_tenant(2), tables.key("batch")), sealed(scope_of_tenant(2), b"guessed"), "x" * 64):
        with tables.as_requests("analyzer", None) as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute(ENTER, [forged])
            connection.execute("SELECT * FROM account_facts")


def test_a_scope_ends_with_its_transaction(tables: Tables) -> None:
    with tables.as_requests("batch", scope_of_tenant(1)) as connection:
        assert connection.execute("SELECT count(*) FROM account").fetchone() == (1,)
        connection.commit()
        assert connection.execute("SELECT count(*) FROM account").fetchone() == (0,)


def test_rows_of_others_are_not_told_by_a_function_that_talks(tables: Tables) -> None:
    heard: list[str] = []
    with tables.as_requests("batch", scope_of_tenant(1)) as connection:
        connection.add_notice_handler(lambda notice: heard.append(str(notice.message_primary)))
        connection.execute(
            "CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS"
            " $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$"
        )
        connection.execute("SELECT * FROM account WHERE pg_temp.tell(account_id)")
    assert heard == ["A1"]


def test_the_scope_of_the_service_is_never_sealed() -> None:
    with pytest.raises(ValueError, match="not for requests"):
        sealed(Scope("system", service=True), b"key")


def test_what_an_older_version_made_is_handed_over_and_kept(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("ALTER SCHEMA batch OWNER TO batch")
        admin.execute(
            "ALTER DEFAULT PRIVILEGES FOR ROLE batch_migrator IN SCHEMA batch REVOKE ALL ON TABLES FROM batch"
        )
        with psycopg.connect(as_role(database_url, "batch")) as running:
            running.execute("CREATE TEMP TABLE of_a_session (x int)")
            running.commit()
            migrate("batch", as_role(database_url, "batch"), "batch_0003")
            with psycopg.connect(as_role(database_url, "batch")) as old:
                old.execute("SELECT set_config('batch.service', 'on', true)")
                old.execute("INSERT INTO account VALUES ('A1', 1, 'E1', 'D1', 'x', 'x', 'x', 'TAXABLE')")
            for _ in range(2):
                with psycopg.connect(database_url) as again:
                    roles.give_schemas(again)
            running.execute("INSERT INTO of_a_session VALUES (1)")
        migrate("batch", as_role(database_url, "batch_migrator"))
    tables = Tables(database_url)
    with tables.as_requests("batch", scope_of_tenant(1)) as connection:
        assert connection.execute("SELECT account_id FROM account").fetchall() == [("A1",)]
    with psycopg.connect(as_role(database_url, "batch")) as connection:
        connection.execute("UPDATE account SET name = 'y'")
        connection.execute("SELECT nextval('batch_number')")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("ALTER TABLE account DISABLE ROW LEVEL SECURITY")
