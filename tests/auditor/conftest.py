"""The auditor's stores: all schemas that it reads, migrated, and batch with its own roles on them."""

from collections.abc import AsyncIterator

import pytest

from shared.postgres.migrations import migrate
from tests.auditor.harness import AuditHarness
from tests.batch.harness import Harness
from tests.stackfix.infrastructure import as_role


@pytest.fixture
async def audit(database_url: str, kafka_url: str) -> AsyncIterator[AuditHarness]:
    """A database and a topic of the test's own."""
    for service in ("analyzer", "taxlot", "batch", "gateway"):
        migrate(service, as_role(database_url, f"{service}_migrator"))
    batch = Harness(database_url)
    harness = AuditHarness(batch, kafka_url)
    await harness.begin()
    yield harness
    await harness.passes.close()
    await batch.database.close()
