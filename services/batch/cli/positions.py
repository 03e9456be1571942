"""`python -m services.batch positions`: where each consumer of the service reads on after a restore."""

from datetime import datetime
from typing import Final

from shared.contracts import topics
from shared.kafka.lag import Groups
from shared.oncall import positions
from shared.runtime import log

GROUPS: Final[Groups] = {
    "rebalancer-batch-facts": [topics.ACCOUNT.name, topics.ANALYSIS.name, topics.PRICE_SETS.name],
    "rebalancer-batch-executions": [topics.EXECUTION.name],
    "rebalancer-batch-standing": [topics.STANDING.name, topics.UNBOOKED.name],
    "rebalancer-batch-flags": [topics.FLAGS.name],
    "rebalancer-batch-results": [topics.WORK_RESULTS.name],
    "rebalancer-batch-results-small": [topics.small(topics.WORK_RESULTS).name],
}
"""Of each consumer group the topics, as `services.batch.app.consumers_of` makes them; a test compares."""


def move(since: datetime) -> None:
    """Move all groups of the service.  Raises Exit(1) as `shared.oncall.positions.move` does."""
    log.configure("batch-positions", "ERROR")
    positions.move(GROUPS, since)
