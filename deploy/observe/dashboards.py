"""Grafana dashboards as data; `render` makes the JSON files in deploy/docker/grafana/dashboards."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from deploy.observe.objectives import OBJECTIVES

Shown = Literal["s", "short", "ops", "reqps", "percentunit", "dateTimeFromNow"]
_SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
_WIDTH, _HEIGHT = 12, 8


@dataclass(frozen=True)
class Panel:
    """A panel of lines over time.  shown: Grafana's unit; queries: each an expression and the legend of its lines."""

    title: str
    shown: Shown
    queries: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Dashboard:
    """A dashboard.  name: of its file and, after `rebalancer-`, its uid."""

    name: str
    title: str
    panels: tuple[Panel, ...]


def _panel(title: str, shown: Shown, *queries: tuple[str, str]) -> Panel:
    return Panel(title, shown, queries)


def _quantile(share: float, metric: str, by: str, selector: str = "") -> str:
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({metric}_bucket{selector}[5m])))"


_GATEWAY: Final = '{service="gateway"}'
_ASKED: Final = 'sum(rate(http_server_requests_total{service="gateway"}[5m]))'
_FAILED: Final = '(sum(rate(http_server_requests_total{service="gateway",status=~"5.."}[5m])) or vector(0))'
_ASKED_BEFORE: Final = _ASKED.replace("[5m]", "[5m] offset 1h")
_FAILED_BEFORE: Final = _FAILED.replace("[5m]", "[5m] offset 1h")
_LOOPS: Final = _panel(
    "Share of time in which an event loop kept others waiting",
    "percentunit",
    ("max by (service, instance) (rate(rebalancer_loop_lag_seconds_sum[5m]))", "{{service}} {{instance}}"),
)
_BUDGETS: Final = _panel(
    "Share of bad events over the last hour, by promise",
    "percentunit",
    *((f"objective:{objective.name}:error_ratio_1h", objective.promise) for objective in OBJECTIVES),
)
_AGES: Final = _panel(
    "Age of a message when its effect is committed, 99 %",
    "s",
    (_quantile(0.99, "rebalancer_event_age_seconds", "service"), "{{service}}"),
)
_LAG: Final = _panel(
    "Lag of consumer groups", "s", ("max by (group, topic) (rebalancer_consumer_lag_seconds)", "{{group}} {{topic}}")
)
_OUTBOX: Final = _panel(
    "Outbox: age of the oldest row",
    "s",
    ("max by (service) (rebalancer_outbox_oldest_age_seconds)", "{{service}}"),
)
_SOMEBODY: Final = _panel(
    "What waits for somebody",
    "short",
    ("sum by (service, reason) (increase(rebalancer_dead_letters_total[1h]))", "dead letters {{service}} {{reason}}"),
    ("max by (service) (rebalancer_outbox_parked)", "messages refused by the broker, {{service}}"),
    ("max by (service, topic) (rebalancer_topic_held) > 0", "{{service}} holds {{topic}}"),
    ("max(rebalancer_batches_parked)", "batches put aside"),
    ("max(rebalancer_approvals_on_withdrawn_prices)", "approved on withdrawn prices"),
    ("max(rebalancer_price_sets_waiting)", "price sets held for review"),
    ("max(rebalancer_prices_waiting)", "prices withheld"),
    ("sum(increase(rebalancer_account_faults_total[1h]))", "accounts at which our code failed"),
    ("max by (service, part) (rebalancer_part_failing) > 0", "{{service}}: {{part}} fails"),
    ("max by (invariant) (rebalancer_invariant_broken) > 0", "{{invariant}} does not hold"),
    ("sum by (service) (increase(rebalancer_log_fields_dropped_total[1h]))", "fields left out of logs, {{service}}"),
)

DASHBOARDS: Final = (
    Dashboard(
        "overview",
        "Rebalancer overview",
        (
            _BUDGETS,
            _SOMEBODY,
            _panel("Processes that respond", "short", ("sum by (job) (up)", "{{job}}")),
            _panel(
                "Messages taken in",
                "ops",
                ("sum by (service, outcome) (rate(rebalancer_events_processed_total[5m]))", "{{service}} {{outcome}}"),
            ),
            _AGES,
            _LAG,
            _panel(
                "Requests",
                "reqps",
                ("sum by (service, status) (rate(http_server_requests_total[5m]))", "{{service}} {{status}}"),
            ),
            _panel(
                "Time to respond, 99 %",
                "s",
                (_quantile(0.99, "http_server_request_duration_seconds", "service"), "{{service}}"),
            ),
            _OUTBOX,
            _LOOPS,
            _panel(
                "Made of",
                "short",
                ("max by (service, version, commit) (rebalancer_build_info)", "{{service}} {{commit}}"),
            ),
        ),
    ),
    Dashboard(
        "gateway",
        "Rebalancer gateway by route",
        (
            _panel(
                "Requests",
                "reqps",
                (f"sum by (method, route) (rate(http_server_requests_total{_GATEWAY}[5m]))", "{{method}} {{route}}"),
            ),
            _panel(
                "5xx",
                "reqps",
                (
                    'sum by (route, status) (rate(http_server_requests_total{service="gateway",status=~"5.."}[5m]))',
                    "{{status}} {{route}}",
                ),
            ),
            _panel(
                "Time to respond, 50 %",
                "s",
                (_quantile(0.5, "http_server_request_duration_seconds", "route", _GATEWAY), "{{route}}"),
            ),
            _panel(
                "Time to respond, 99 %",
                "s",
                (_quantile(0.99, "http_server_request_duration_seconds", "route", _GATEWAY), "{{route}}"),
            ),
            _panel(
                "Connections and streams",
                "short",
                ("max by (instance) (rebalancer_connections)", "connections {{instance}}"),
                ("sum by (instance) (rebalancer_push_streams)", "streams {{instance}}"),
            ),
            _panel(
                "Refused",
                "ops",
                ("sum by (counted) (rate(rebalancer_rate_limited_total[5m]))", "limit of {{counted}}"),
                ("sum by (reason) (rate(rebalancer_connections_cut_total[5m]))", "connection: {{reason}}"),
            ),
        ),
    ),
    Dashboard(
        "events",
        "Rebalancer event flow",
        (
            _LAG,
            _panel(
                "Messages that wait",
                "short",
                ("max by (group, topic) (rebalancer_consumer_lag_records)", "{{group}} {{topic}}"),
            ),
            _AGES,
            _panel(
                "Time to handle a group of messages, 99 %",
                "s",
                (_quantile(0.99, "rebalancer_event_process_seconds", "service, topic"), "{{service}} {{topic}}"),
            ),
            _panel(
                "Longest time without a commit of what was read",
                "s",
                ("max by (service, topic) (rebalancer_uncommitted_age_seconds)", "{{service}} {{topic}}"),
            ),
            _panel(
                "Partitions that a group's processes have",
                "short",
                ("sum by (group) (rebalancer_group_partitions)", "{{group}}"),
            ),
            _panel(
                "Partitions given out anew: one a process and rebalance",
                "short",
                ("sum by (group) (increase(rebalancer_group_rebalances_total[5m]))", "{{group}}"),
            ),
            _panel(
                "Messages published",
                "ops",
                ("sum by (service, topic) (rate(rebalancer_messages_published_total[5m]))", "{{service}} {{topic}}"),
            ),
            _panel(
                "Faults retried",
                "ops",
                ("sum by (service, topic) (rate(rebalancer_retries_total[5m]))", "{{service}} {{topic}}"),
            ),
            _panel(
                "Dead letters",
                "short",
                (
                    "sum by (service, topic, reason) (increase(rebalancer_dead_letters_total[15m]))",
                    "{{service}} {{topic}} {{reason}}",
                ),
            ),
        ),
    ),
    Dashboard(
        "batches",
        "Rebalancer queue and batches",
        (
            _panel("Accounts by tile", "short", ("max by (tile) (rebalancer_tile_accounts)", "{{tile}}")),
            _panel("Accounts by state", "short", ("max by (state) (rebalancer_accounts)", "{{state}}")),
            _panel("Batches by state", "short", ("max by (state) (rebalancer_batches)", "{{state}}")),
            _panel(
                "Undecided batches by the time left until their cut-off",
                "short",
                ("max by (state, due) (rebalancer_open_batches)", "{{state}} {{due}}"),
            ),
            _panel(
                "Overdue",
                "s",
                ("max(rebalancer_end_of_day_overdue_seconds)", "an undecided batch, past its cut-off"),
                ("max(rebalancer_analysis_overdue_seconds)", "daily analysis"),
            ),
            _panel(
                "Time since the last success",
                "s",
                ("time() - max(rebalancer_analysis_last_success_timestamp_seconds)", "daily analysis"),
                ("time() - max(rebalancer_end_of_day_last_success_timestamp_seconds)", "end-of-day sweep"),
            ),
            _panel(
                "Time until a batch can be decided, 99 %",
                "s",
                (_quantile(0.99, "rebalancer_batch_ready_seconds", "size"), "{{size}}"),
            ),
            _panel("Batch failures", "short", ("sum(increase(rebalancer_batch_failures_total[15m]))", "failures")),
        ),
    ),
    Dashboard(
        "stores",
        "Rebalancer stores",
        (
            _OUTBOX,
            _panel("Outbox: rows that wait", "short", ("max by (service) (rebalancer_outbox_pending)", "{{service}}")),
            _panel(
                "Connections lent",
                "short",
                ("max by (service, pool) (rebalancer_pool_connections_in_use)", "{{service}} {{pool}}"),
                ("max by (service, pool) (rebalancer_pool_connections_most)", "{{service}} {{pool}}, most"),
            ),
            _panel(
                "Callers that wait for a connection",
                "short",
                ("max by (service, pool) (rebalancer_pool_waiting)", "{{service}} {{pool}}"),
            ),
            _panel(
                "Components begun again",
                "short",
                ("sum by (service, part) (increase(rebalancer_part_failures_total[15m]))", "{{service}} {{part}}"),
            ),
            _panel(
                "Age of sampled gauges",
                "s",
                ("max by (service, sampler) (rebalancer_sample_age_seconds)", "{{service}} {{sampler}}"),
            ),
            _panel(
                "Time since an invariant was looked at",
                "s",
                ("max by (invariant) (rebalancer_invariant_look_age_seconds)", "{{invariant}}"),
            ),
            _panel(
                "Time that a look at an invariant takes",
                "s",
                (
                    "sum by (invariant) (rate(rebalancer_invariant_look_seconds_sum[15m]))"
                    " / sum by (invariant) (rate(rebalancer_invariant_look_seconds_count[15m]))",
                    "{{invariant}}",
                ),
            ),
        ),
    ),
    Dashboard(
        "inputs",
        "Rebalancer inputs and analysis",
        (
            _panel("Sessions behind", "short", ("max by (input) (rebalancer_input_sessions_behind)", "{{input}}")),
            _panel("Age of inputs", "s", ("max by (input) (rebalancer_input_age_seconds)", "{{input}}")),
            _panel(
                "Oldest file in the inbox",
                "s",
                ("max by (service) (rebalancer_inbox_oldest_age_seconds)", "{{service}}"),
            ),
            _panel(
                "Failed attempts to load a file",
                "short",
                ("sum by (service) (increase(rebalancer_inbox_failures_total[15m]))", "{{service}}"),
            ),
            _panel(
                "Time of an evaluation by stage",
                "s",
                (
                    "sum by (stage) (rate(rebalancer_evaluation_seconds_sum[5m]))"
                    " / sum by (stage) (rate(rebalancer_evaluation_seconds_count[5m]))",
                    "{{stage}}",
                ),
            ),
            _SOMEBODY,
        ),
    ),
    # A release changes commits: how errors, latency and rebalances were before and are after shows whether it is good.
    Dashboard(
        "release",
        "Rebalancer release",
        (
            _panel(
                "Processes by version",
                "short",
                ("count by (service, version) (rebalancer_build_info)", "{{service}} {{version}}"),
            ),
            _panel(
                "Commits in use",
                "short",
                ("count by (commit, version) (rebalancer_build_info)", "{{version}} {{commit}}"),
            ),
            _panel(
                "Share of 5xx at the gateway, now and an hour before",
                "percentunit",
                (f"{_FAILED} / {_ASKED}", "now"),
                (f"{_FAILED_BEFORE} / {_ASKED_BEFORE}", "an hour before"),
            ),
            _panel(
                "Time to respond at the gateway, 99 %, now and an hour before",
                "s",
                (_quantile(0.99, "http_server_request_duration_seconds", "service", _GATEWAY), "now"),
                (
                    "histogram_quantile(0.99, sum by (le, service) (rate("
                    f"http_server_request_duration_seconds_bucket{_GATEWAY}[5m] offset 1h)))",
                    "an hour before",
                ),
            ),
            _panel(
                "Faults of the last quarter of an hour",
                "short",
                ("sum by (service) (increase(rebalancer_dead_letters_total[15m]))", "dead letters {{service}}"),
                ("sum(increase(rebalancer_account_faults_total[15m]))", "accounts at which our code failed"),
                (
                    "sum by (service) (increase(rebalancer_part_failures_total[15m]))",
                    "components of {{service}}",
                ),
                ("sum(increase(rebalancer_batch_failures_total[15m]))", "batches that were parked"),
            ),
            _AGES,
            _LAG,
            _panel("Processes that respond", "short", ("sum by (job) (up)", "{{job}}")),
        ),
    ),
)


def rendered() -> Mapping[str, str]:
    """Return the JSON of every dashboard by file name."""
    return {f"{dashboard.name}.json": _json(dashboard) for dashboard in DASHBOARDS}


def _json(dashboard: Dashboard) -> str:
    return json.dumps(
        {
            "uid": f"rebalancer-{dashboard.name}",
            "title": dashboard.title,
            "schemaVersion": 39,
            "time": {"from": "now-1h", "to": "now"},
            "refresh": "10s",
            "panels": [_panel_json(number, panel) for number, panel in enumerate(dashboard.panels)],
        },
        indent=1,
    ) + "\n"  # fmt: skip


def _panel_json(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, 2)
    return {
        "id": number + 1,
        "title": panel.title,
        "type": "timeseries",
        "datasource": _SOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.shown}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": expression, "legendFormat": legend}
            for index, (expression, legend) in enumerate(panel.queries)
        ],
    }
