"""Every service's tables in one database of the test's own, with two tenants' rows in all that is protected."""

import pytest

from deploy import roles
from shared.postgres.migrations import migrate
from tests.security.tenants import Tables
from tests.stackfix.infrastructure import as_role


@pytest.fixture
def tables(database_url: str) -> Tables:
    """The migrated schemas of all services, filled."""
    for service in roles.SERVICES:
        migrate(service, as_role(database_url, f"{service}{roles.OWNER}"))
    found = Tables(database_url)
    found.fill()
    return found
