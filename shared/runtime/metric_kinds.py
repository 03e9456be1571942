"""Declaring a metric: its kind, unit, labels and meaning join the catalogue, and the Prometheus object is made.

`metrics.py` declares every metric with these functions; no other module makes one.  Labels are a closed table, because
each value of each label is a series that Prometheus keeps: ids of accounts, advisors, users, batches and traces, of
which there are millions, belong into the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import Counter, Gauge, Histogram, Summary

Kind = Literal["counter", "gauge", "histogram", "summary"]
Unit = Literal["accounts", "assignments", "batches", "connections", "failures", "messages", "partitions",
               "prices", "requests", "rows", "seconds", "sessions", "sets", "streams", "unix seconds",
               "yes or no"]  # fmt: skip

LABELS: Final[Mapping[str, str]] = {
    "commit": "the commit the process was made of, `unknown` where nobody said",
    "counted": "what a rate limit counts",
    "due": "time left until a cut-off: `past`, `within_15m`, `within_1h`, `within_4h` or `later`",
    "group": "consumer group",
    "input": "`custodian_file` or `prices`",
    "invariant": "what must always hold; docs/runbooks/InvariantBroken.md lists them",
    "method": "HTTP method, `other` for unknown ones",
    "outcome": "`ok`, `dead_letter`, `deleted` (a tombstone) or `unreadable`",
    "part": "component that runs beside the API of a service",
    "pool": "`work` (events, sweeps) or `requests` (users)",
    "reason": "code out of a list in the code",
    "route": "template of a path, never the path; `unmatched` for unknown ones",
    "sampler": "timer that reads gauges from a database or the broker",
    "service": "process",
    "size": "of a batch: `small` (up to 50 accounts), `medium` (up to 1,000) or `large`",
    "stage": "step of an evaluation",
    "state": "state of accounts or of batches, as the API names it",
    "status": "HTTP status",
    "tile": "tile of the queue",
    "topic": "Kafka topic",
    "version": "release",
}
"""Every label a metric may have, with the meaning of its values; each has a handful to some dozens of values."""


@dataclass(frozen=True)
class DeclaredMetric:
    """An entry of the catalogue.  edges: upper limits of a histogram's buckets, in its unit; otherwise empty."""

    name: str
    kind: Kind
    unit: Unit
    labels: tuple[str, ...]
    meaning: str
    edges: tuple[float, ...] = ()

    @property
    def series(self) -> Mapping[str, frozenset[str]]:
        """The names that Prometheus stores, each with its labels."""
        labels = frozenset(self.labels)
        if self.kind in ("counter", "gauge"):
            return {self.name: labels}
        named = {f"{self.name}_sum": labels, f"{self.name}_count": labels}
        return named | {f"{self.name}_bucket": labels | {"le"}} if self.kind == "histogram" else named


CATALOGUE: Final[dict[str, DeclaredMetric]] = {}
"""Every declared metric by name, in the order of `metrics.py`."""


def counter(name: str, unit: Unit, meaning: str, *labels: str) -> Counter:
    """Declare a counter.  Raises ValueError as every declaration for a name or label that breaks the rules."""
    declared = _declare(DeclaredMetric(name, "counter", unit, labels, meaning))
    return Counter(declared.name, declared.meaning, declared.labels)


def gauge(name: str, unit: Unit, meaning: str, *labels: str) -> Gauge:
    """Declare a gauge.  Raises ValueError."""
    declared = _declare(DeclaredMetric(name, "gauge", unit, labels, meaning))
    return Gauge(declared.name, declared.meaning, declared.labels)


def histogram(name: str, unit: Unit, meaning: str, *labels: str, edges: tuple[float, ...]) -> Histogram:
    """Declare a histogram with the upper limits of its buckets.  Raises ValueError."""
    declared = _declare(DeclaredMetric(name, "histogram", unit, labels, meaning, edges))
    return Histogram(declared.name, declared.meaning, declared.labels, buckets=declared.edges)


def summary(name: str, unit: Unit, meaning: str, *labels: str) -> Summary:
    """Declare a summary: a sum and a count.  Raises ValueError."""
    declared = _declare(DeclaredMetric(name, "summary", unit, labels, meaning))
    return Summary(declared.name, declared.meaning, declared.labels)


def refusal(metric: DeclaredMetric) -> str | None:
    """Return why a metric must not be declared so, None if it may."""
    if unknown := sorted(set(metric.labels) - set(LABELS)):
        return f"{metric.name}: labels {unknown} are not in LABELS; ids of any kind never are"
    if (metric.kind == "counter") != metric.name.endswith("_total"):
        return f"{metric.name}: the name of a counter ends with _total, and no other name does"
    ending = {"seconds": "_seconds", "unix seconds": "_timestamp_seconds"}.get(metric.unit)
    if ending is not None and not metric.name.endswith(ending):
        return f"{metric.name}: a metric in {metric.unit} has a name that ends with {ending}"
    if list(metric.edges) != sorted(set(metric.edges)):
        return f"{metric.name}: edges ascend"
    if not metric.meaning.endswith("."):
        return f"{metric.name}: the meaning is a sentence"
    return None


def _declare(metric: DeclaredMetric) -> DeclaredMetric:
    why = refusal(metric) or (f"{metric.name} is declared twice" if metric.name in CATALOGUE else None)
    if why is not None:
        raise ValueError(why)
    CATALOGUE[metric.name] = metric
    return metric
