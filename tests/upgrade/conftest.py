"""An installation of an earlier release, brought up to date once for the tests of this folder, which go on with it."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.stackfix.infrastructure import fresh_database
from tests.upgrade.before import Upgraded, bring_up_to_date, columns_of, restore, rows_of


@pytest.fixture(scope="session")
def upgraded(admin_database_url: str) -> Iterator[Upgraded]:
    """Restored, looked at, and brought up to date."""
    with fresh_database(admin_database_url) as url:
        restore(url)
        with psycopg.connect(url) as connection:
            columns = columns_of(connection)
            rows = {table: rows_of(connection, table, names) for table, names in columns.items()}
        bring_up_to_date(url)
        yield Upgraded(url, columns, rows)
