"""What an installation of before is made of: its database and the messages on its topics (see README.md)."""

import base64
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import Connection, sql

from deploy import roles
from shared.kafka.messages import Incoming
from shared.postgres.migrations import migrate
from shared.rules.trading_calendar import NEW_YORK
from tests.stackfix.infrastructure import as_role

HERE: Final = Path(__file__).parent
MORNING: Final = datetime(2026, 6, 12, 10, 30, tzinfo=NEW_YORK)
"""An instant of the business day at which the installation was left."""
Columns = dict[str, list[str]]
_COLUMNS: Final = """
SELECT c.oid::regclass::text, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = ANY (%s::regnamespace[]) AND c.relkind IN ('r', 'p') GROUP BY 1
"""


@dataclass
class Upgraded:
    """A database after, and what was in it before: the columns of each table, and its rows as texts."""

    url: str
    columns: Columns
    rows: dict[str, list[Any]]


def restore(admin_url: str) -> None:
    """Make the four schemas as they were, with their rows, owned by the one role that each service had."""
    with psycopg.connect(admin_url) as connection:
        for service in roles.SERVICES:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(service)))
        connection.execute(gzip.decompress((HERE / "database.sql.gz").read_bytes()))


def bring_up_to_date(admin_url: str) -> None:
    """Do what a start of today does with a database: roles and ownership, then each service's migrations."""
    with psycopg.connect(admin_url) as connection:
        roles.give_schemas(connection)
    for service in roles.SERVICES:
        migrate(service, as_role(admin_url, f"{service}{roles.OWNER}"))


def columns_of(connection: Connection[Any]) -> Columns:
    """Return the columns of every table of the services."""
    found = connection.execute(_COLUMNS, [list(roles.SERVICES)]).fetchall()
    return {name: columns for name, columns in found if not name.endswith("alembic_version")}


def rows_of(connection: Connection[Any], table: str, columns: Sequence[str]) -> list[Any]:
    """Return these columns of all rows of a table, in an order of their own."""
    listed = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in columns)
    return sorted(connection.execute(sql.SQL("SELECT {} FROM {}").format(listed, sql.SQL(table))).fetchall(), key=repr)


def messages() -> list[Incoming]:
    """Return the messages, as the broker gave them."""
    kept: list[dict[str, Any]] = json.loads(gzip.decompress((HERE / "messages.json.gz").read_bytes()))
    return [
        Incoming(
            message["topic"],
            message["partition"],
            message["offset"],
            base64.b64decode(message["key"]),
            base64.b64decode(message["value"]),
            tuple((name, base64.b64decode(value)) for name, value in message["headers"]),
            message["ms"],
        )
        for message in kept
    ]
