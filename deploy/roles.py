"""The roles of the database: for each service one that owns its tables, one that works and one that serves users.

`<service>_migrator` owns schema and tables and is used by migrations only. `<service>` handles events and owns
nothing. `<service>_requests` serves users: row-level security shows it the rows of the scope a request was given.
`auditor` reads some columns of several schemas, which their migrations grant to it, and writes none.

`python -m deploy.roles` prepares a server (containers); the local stack and the tests call the same functions. A second
run changes nothing. Objects that an older version created are transferred to the role that owns them now.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, sql

SERVICES = ("analyzer", "taxlot", "batch", "gateway")
OWNER, REQUESTS = "_migrator", "_requests"
AUDITOR = "auditor"
AUDITED = ("analyzer", "taxlot", "batch")
NAMES = (*(f"{service}{kind}" for service in SERVICES for kind in (OWNER, "", REQUESTS)), AUDITOR)

_ROLE = "ALTER ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD {password}"
_SCHEMA = (
    "CREATE SCHEMA IF NOT EXISTS {service} AUTHORIZATION {owner}",
    "ALTER SCHEMA {service} OWNER TO {owner}",
    "REVOKE ALL ON SCHEMA {service} FROM PUBLIC, {service}, {requests}",
    "GRANT USAGE ON SCHEMA {service} TO {service}, {requests}",
    "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {owner}, {service}, {requests}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {service}"
    " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {service}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {service} GRANT USAGE, SELECT ON SEQUENCES TO {service}",
)
# Transferred one by one, because REASSIGN OWNED would also take the temporary tables of running sessions.
# Sequences of identity columns follow their tables.
_FOREIGN = """
SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
       c.oid::regclass::text
FROM pg_class c WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind IN ('r', 'p', 'S', 'v', 'm')
  AND c.relowner <> %(owner)s::regrole
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
                  AND d.deptype IN ('a', 'i') AND c.relkind = 'S')
UNION ALL
SELECT 'ROUTINE', p.oid::regprocedure::text FROM pg_proc p
WHERE p.pronamespace = %(schema)s::regnamespace AND p.proowner <> %(owner)s::regrole
"""
_RIGHTS_OF_BEFORE = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {service} TO {service}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {service} TO {service}",
    "GRANT EXECUTE ON ALL ROUTINES IN SCHEMA {service} TO {service}",
)
# Read by the service and written by none but their owner; grants on all tables of a schema would open them.
_READ_ONLY = ("audit", "audit_head", "scope_key")


def prepare(admin_url: str, database: str, passwords: Mapping[str, str]) -> None:
    """Create the database, roles and schemas that are missing; set the passwords of existing roles again.

    admin_url: a superuser on database `postgres`; passwords: of every role of NAMES.
    """
    from shared.postgres.pool import BULK, arguments  # a caller that needs only names does without the library

    session = arguments("public", BULK, "roles")
    with psycopg.connect(admin_url, autocommit=True, **session) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        create(connection, passwords)
    base, _, _ = admin_url.rpartition("/")
    with psycopg.connect(f"{base}/{database}", **session) as connection:
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        give_schemas(connection)


def create(connection: Connection[Any], passwords: Mapping[str, str]) -> None:
    """Create the roles of the server that are missing, and set the password of all."""
    for service in SERVICES:
        for name in (f"{service}{OWNER}", service, f"{service}{REQUESTS}"):
            _create(connection, name, passwords[name])
            role = sql.Identifier(name)
            connection.execute(sql.SQL("ALTER ROLE {} SET search_path = {}").format(role, sql.Identifier(service)))
    _create(connection, AUDITOR, passwords[AUDITOR])


def _create(connection: Connection[Any], name: str, password: str) -> None:
    role = sql.Identifier(name)
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {}").format(role))
    connection.execute(sql.SQL(_ROLE).format(role=role, password=sql.Literal(password)))


def give_schemas(connection: Connection[Any]) -> None:
    """Give each service's roles their schema in this database, and the owner everything an older version made there."""
    for service in SERVICES:
        names = {
            "service": sql.Identifier(service),
            "owner": sql.Identifier(f"{service}{OWNER}"),
            "requests": sql.Identifier(f"{service}{REQUESTS}"),
            "database": sql.Identifier(connection.info.dbname),
        }
        for statement in _SCHEMA:
            connection.execute(sql.SQL(statement).format(**names))
        handed_over = list(_hand_over(connection, service))
        for statement in _RIGHTS_OF_BEFORE if handed_over else ():
            connection.execute(sql.SQL(statement).format(**names))
        for table in _READ_ONLY:
            if connection.execute("SELECT to_regclass(%s)", [f"{service}.{table}"]).fetchone() != (None,):
                revoked = "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {service}.{table} FROM {service}"
                connection.execute(sql.SQL(revoked).format(**names, table=sql.Identifier(table)))
    auditor, database = sql.Identifier(AUDITOR), sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, auditor))
    for service in AUDITED:
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(service), auditor))


def _hand_over(connection: Connection[Any], service: str) -> Iterator[str]:
    """Make the owner own what somebody else created in the schema; yield what it was."""
    owner = f"{service}{OWNER}"
    for kind, name in connection.execute(_FOREIGN, {"schema": service, "owner": owner}).fetchall():
        # The names come from the catalogue, quoted by it.
        connection.execute(
            sql.SQL("ALTER {} {} OWNER TO {}").format(sql.SQL(kind), sql.SQL(name), sql.Identifier(owner))
        )
        yield name


def main() -> int:
    """Prepare the server of REBALANCER_ADMIN_DATABASE_URL; each role's password is in <ROLE>_PASSWORD.

    What the environment lacks is in files of the folder REBALANCER_SECRETS_DIR, named in lower case.
    """
    base, _, database = _given("REBALANCER_ADMIN_DATABASE_URL").rpartition("/")
    prepare(f"{base}/postgres", database, {name: _given(f"{name.upper()}_PASSWORD") for name in NAMES})
    return 0


def _given(variable: str) -> str:
    """Return a variable of the environment, else what its file holds.  Exits with a sentence if there is neither."""
    value = os.environ.get(variable)
    file = Path(os.environ.get("REBALANCER_SECRETS_DIR", "/nonexistent")) / variable.lower()
    if value is None and not file.exists():
        sys.exit(f"{variable} is not set, and there is no file {file}")
    return file.read_text().strip() if value is None else value


if __name__ == "__main__":
    sys.exit(main())
