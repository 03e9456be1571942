"""The table with the name of the incarnation of a service's database, as its migrations install it.

Source: docs/decisions/0029-incarnations.md.
"""

from typing import Final

from alembic import op

NEW_NAME: Final = "left(replace(gen_random_uuid()::text, '-', ''), 12)"
"""SQL of a new name: random hexadecimal digits."""


def install_incarnation(history: str) -> None:
    """Create the table and begin an incarnation.

    history: a table with a row as soon as the service has published anything.  Where it has one, the events of this
    database have ids without an incarnation, and keep them: the name is empty.
    """
    op.execute(
        "CREATE TABLE incarnation (one boolean PRIMARY KEY DEFAULT true CHECK (one),"
        " name text NOT NULL CHECK (name ~ '^([0-9a-f]{12})?$'),"
        " begun_at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )
    op.execute(
        f"INSERT INTO incarnation (name) SELECT CASE WHEN EXISTS (SELECT FROM {history}) THEN '' ELSE {NEW_NAME} END"  # noqa: S608  # names
    )


def remove_incarnation() -> None:
    """Drop the table."""
    op.execute("DROP TABLE incarnation")
