"""docs/metrics.md: the catalogue of metrics as a page."""

from collections.abc import Iterator
from typing import Final

import shared.runtime.metrics
from shared.runtime.metric_kinds import CATALOGUE, LABELS, DeclaredMetric

DECLARED_IN: Final = shared.runtime.metrics.__name__
_HEAD: Final = f"""# Metrics

Generated from `{DECLARED_IN}` by `make observe-files`; a test compares. Every process serves its own
at `/metrics` on the port of its probes, which is private. Units are base units. Labels never hold ids of accounts,
advisors, users, batches or traces: those are in the log.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_metrics(), "", *_labels(), "", *_edges(), ""])


def _metrics() -> Iterator[str]:
    yield from ("| metric | kind | unit | labels | meaning |", "|---|---|---|---|---|")
    for metric in CATALOGUE.values():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {metric.meaning} |"


def _labels() -> Iterator[str]:
    yield from ("## Labels", "", "| label | values |", "|---|---|")
    yield from (f"| `{label}` | {meaning} |" for label, meaning in LABELS.items())


def _edges() -> Iterator[str]:
    yield from ("## Edges of histograms", "", "| metric | upper limits of its buckets |", "|---|---|")
    yield from (f"| `{metric.name}` | {_numbers(metric)} |" for metric in CATALOGUE.values() if metric.edges)


def _numbers(metric: DeclaredMetric) -> str:
    return ", ".join(f"{edge:g}" for edge in metric.edges)
