"""Rows of tenants in tables whose columns the catalogue tells: a table that is added is tested with the rest."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection, sql

from deploy import roles
from shared.contracts.tenancy import ENTER, READ_KEY, Scope, sealed
from tests.stackfix.infrastructure import as_role

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
FROM pg_attribute a WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_OF_TYPE: dict[str, Any] = {
    "text": "x",
    "bytea": b"x",
    "date": "2026-01-05",
    "timestamp with time zone": "2026-01-05 12:00+00",
    "boolean": False,
    "jsonb": "{}",
    "text[]": [],
    "bigint[]": [],
}
PROTECTED = (
    "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p')"
    " AND c.relrowsecurity AND c.relforcerowsecurity ORDER BY 1"
)


def scope_of_tenant(tenant: int) -> Scope:
    """Return all that one tenant may see."""
    return Scope(f"user{tenant}", (f"E{tenant}",), None, session=(bytes([tenant]) * 32).hex())


def _named(tenant: int) -> dict[str, Any]:
    return {
        "account_id": f"A{tenant}",
        "enterprise_id": f"E{tenant}",
        "advisor_id": f"D{tenant}",
        "enterprise_ids": [f"E{tenant}"],
        "advisor_ids": [f"D{tenant}"],
        "subject": f"user{tenant}",
        "order_id": f"O{tenant}",
        "id_hash": bytes([tenant]) * 32,
    }


@dataclass
class Tables:
    """All schemas of a database. protected: schema -> its tables with forced row-level security."""

    admin_url: str
    protected: dict[str, list[str]] = field(default_factory=dict)

    def fill(self) -> None:
        """Put a row of each of the tenants 1 and 2 into every protected table; checks of the tables are dropped."""
        with psycopg.connect(self.admin_url) as connection:
            connection.execute("SET session_replication_role = replica")
            for service in roles.SERVICES:
                self.protected[service] = [row[0] for row in connection.execute(PROTECTED.encode(), [service])]
            for name in self.all():
                self._drop_checks(connection, name)
                for tenant in (1, 2):
                    self.insert(connection, name, tenant)

    def all(self) -> list[str]:
        """Return all protected tables."""
        return [name for names in self.protected.values() for name in names]

    def insert(self, connection: Connection[Any], name: str, tenant: int) -> None:
        """Insert a row of a tenant."""
        mine = _named(tenant)
        values = {
            column: mine.get(column, _OF_TYPE.get(kind, tenant))
            for column, kind, needed in connection.execute(_COLUMNS, [name]).fetchall()
            if needed or column in mine
        }
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.SQL(name),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(map(sql.Literal, values.values())),
        )
        connection.execute(statement)

    def _drop_checks(self, connection: Connection[Any], name: str) -> None:
        query = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'"
        for (check,) in connection.execute(query, [name]).fetchall():
            connection.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.SQL(name), sql.Identifier(check))
            )

    @contextmanager
    def as_admin(self) -> Iterator[Connection[Any]]:
        """Ask as the superuser."""
        with psycopg.connect(self.admin_url) as connection:
            yield connection

    @contextmanager
    def as_requests(self, service: str, scope: Scope | None) -> Iterator[Connection[Any]]:
        """Ask as the role that serves users, in a scope or in none."""
        with psycopg.connect(as_role(self.admin_url, f"{service}{roles.REQUESTS}")) as connection:
            if scope is not None:
                connection.execute(ENTER, [sealed(scope, self.key(service))])
            yield connection
            connection.rollback()

    def key(self, service: str) -> bytes:
        """Return the key of a service's scopes, read as the role that works."""
        with psycopg.connect(as_role(self.admin_url, service)) as connection:
            row = connection.execute(READ_KEY).fetchone()
        assert row is not None
        return bytes(row[0])
