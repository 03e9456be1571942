"""`python -m services.<name> new-incarnation`: after a restore of its database to an earlier moment."""

import psycopg

from shared.oncall import outages
from shared.postgres.migrations.incarnation import NEW_NAME
from shared.postgres.pool import WORK, arguments

_BEGIN = f"UPDATE incarnation SET name = {NEW_NAME}, begun_at = clock_timestamp() RETURNING name"  # noqa: S608  # fixed


def begin(service: str, database_url: str) -> None:
    """Begin a new incarnation of the service's database and print its name.  Raises Exit(1) if the database is away."""
    with outages.reported():
        session = arguments(service, WORK, f"{service}-new-incarnation")
        with psycopg.connect(database_url, **session) as connection:
            row = connection.execute(_BEGIN.encode()).fetchone()
    if row is None:
        raise psycopg.InterfaceError("an UPDATE of the one row gives a row")
    print(f"events of {service} come from /rebalancer/{service}/{row[0]} from now on")
