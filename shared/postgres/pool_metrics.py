"""Pools as metrics: connections lent, their most, and callers that wait; read from memory at each scrape."""

from collections.abc import Callable
from typing import Any, Literal

from psycopg_pool import AsyncConnectionPool, ConnectionPool

from shared.runtime import metrics

PoolName = Literal["work", "requests", "exports"]


def export(service: str, name: PoolName, lent: Callable[[], float], most: int, waiting: Callable[[], float]) -> None:
    """Have the metrics of a pool computed at each scrape; a later pool of the same name takes over."""
    metrics.POOL_IN_USE.labels(service, name).set_function(lent)
    metrics.POOL_MOST.labels(service, name).set(most)
    metrics.POOL_WAITING.labels(service, name).set_function(waiting)


def export_psycopg(
    service: str,
    name: PoolName,
    pool: AsyncConnectionPool[Any] | ConnectionPool[Any],
    before: Callable[[], float] = lambda: 0.0,
) -> None:
    """Have the metrics of a psycopg pool computed.  before: how many callers wait before they ask the pool."""

    def lent() -> float:
        stats = pool.get_stats()
        return max(0, stats["pool_size"] - stats["pool_available"])

    export(service, name, lent, pool.max_size, lambda: pool.get_stats()["requests_waiting"] + before())
