"""Service level objectives: what is promised over 28 days, and which requests or messages break the promise.

A latency objective counts what took longer than its limit, which is an edge of the histogram, so that no quantile is
guessed.  Refusals because of the client (4xx) break nothing.  Source: docs/metrics.md for the metrics.
"""

from dataclasses import dataclass
from typing import Final

_GATEWAY: Final = 'service="gateway",route=~"/api/.*"'


@dataclass(frozen=True)
class Objective:
    """A promise.

    name: of recorded series.  alert: of its burn-rate alerts.  promise: a sentence.  target: share that must be good.
    metric: a counter of which `bad` selects the broken ones, or a histogram with `limit_s`.  selector: which series
    count.  fewest: events within the short window below which nothing is concluded.
    """

    name: str
    alert: str
    promise: str
    target: float
    metric: str
    selector: str = ""
    bad: str = ""
    limit_s: float | None = None
    fewest: int = 20

    @property
    def budget(self) -> float:
        """Share that may be bad."""
        return round(1 - self.target, 9)

    @property
    def total_series(self) -> str:
        """Name of the series that counts all events."""
        return self.metric if self.limit_s is None else f"{self.metric}_count"

    def rate(self, window: str) -> str:
        """Return the expression of events a second."""
        return f"sum(rate({self.total_series}{_braced(self.selector)}[{window}]))"

    def error_ratio(self, window: str) -> str:
        """Return the expression of the share of bad events; no result while there are no events."""
        if self.limit_s is None:
            # Without any bad event there is no such series: then the share is 0.
            bad = f"(sum(rate({self.metric}{_braced(self.selector, self.bad)}[{window}])) or vector(0))"
            return f"{bad} / ({self.rate(window)} > 0)"
        within = _braced(self.selector, f'le="{self.limit_s}"')
        return f"1 - sum(rate({self.metric}_bucket{within}[{window}])) / ({self.rate(window)} > 0)"


OBJECTIVES: Final = (
    Objective(
        "gateway_availability",
        "GatewayErrorBudgetBurn",
        "99.95 % of the requests to the gateway's API get no 5xx",
        0.9995,
        "http_server_requests_total",
        _GATEWAY,
        'status=~"5.."',
    ),
    Objective(
        "gateway_reads",
        "ReadLatencyBudgetBurn",
        "99.5 % of the reads at the gateway respond within 300 ms",
        0.995,
        "http_server_request_duration_seconds",
        f'{_GATEWAY},method="GET"',
        limit_s=0.3,
    ),
    Objective(
        "gateway_commands",
        "CommandLatencyBudgetBurn",
        "99.5 % of the commands at the gateway respond within 500 ms",
        0.995,
        "http_server_request_duration_seconds",
        f'{_GATEWAY},method!="GET"',
        limit_s=0.5,
    ),
    Objective(
        "event_freshness",
        "FreshnessBudgetBurn",
        "99.9 % of the messages have their effect within 5 s of the broker's append",
        0.999,
        "rebalancer_event_age_seconds",
        limit_s=5.0,
        fewest=100,
    ),
    Objective(
        "batch_readiness",
        "BatchReadinessBudgetBurn",
        "99 % of the batches of up to 1,000 accounts can be decided within 30 s of the request",
        0.99,
        "rebalancer_batch_ready_seconds",
        'size!="large"',
        limit_s=30.0,
        fewest=3,
    ),
)


def _braced(*matchers: str) -> str:
    given = ",".join(matcher for matcher in matchers if matcher)
    return f"{{{given}}}" if given else ""
