"""The catalogue of metrics: kind, name, unit, meaning and labels of each; all other code imports them from here.

docs/metrics.md is made of it.  Edges of histograms stand on the limits of the objectives
(deploy/observe/objectives.py) and reach beyond any real incident.
"""

from typing import Final

from shared.runtime.metric_kinds import counter, gauge, histogram, summary

_RESPONSE_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_WORK_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)
_LAG_S: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.3, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)
_READY_S: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 1800.0, 7200.0, 36000.0)
_AGE_S: Final = (0.01, 0.05, 0.1, 0.3, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0)

EVENTS = counter(
    "rebalancer_events_processed_total", "messages", "Messages taken in, by outcome.", "service", "topic", "outcome"
)
EVENT_SECONDS = histogram(
    "rebalancer_event_process_seconds",
    "seconds",
    "Time to handle a group of messages.",
    "service",
    "topic",
    edges=_WORK_S,
)
EVENT_AGE = histogram(
    "rebalancer_event_age_seconds",
    "seconds",
    "Time from the broker's append to the committed effect.",
    "service",
    "topic",
    edges=_AGE_S,
)
EVALUATION_SECONDS = summary(
    "rebalancer_evaluation_seconds",
    "seconds",
    "Time of evaluating accounts, by stage from reading rows to publishing flags.",
    "stage",
)
UNCOMMITTED_AGE = gauge(
    "rebalancer_uncommitted_age_seconds",
    "seconds",
    "Longest time a partition with messages read has been without a commit.",
    "service",
    "topic",
)
DEAD_LETTERS = counter(
    "rebalancer_dead_letters_total",
    "messages",
    "Messages that became dead letters, by reason.",
    "service",
    "topic",
    "reason",
)
TOPIC_HELD = gauge(
    "rebalancer_topic_held",
    "yes or no",
    "1 while a topic is held after a burst of dead letters, or because of a fault that restarts do not cure, until"
    " somebody has looked at it or a trial succeeds.",
    "service",
    "topic",
)
RETRIES = counter("rebalancer_retries_total", "failures", "Faults retried in place.", "service", "topic")
PRICE_SETS_WAITING = gauge(
    "rebalancer_price_sets_waiting", "sets", "Price sets put aside until somebody has looked at them."
)
PRICES_WAITING = gauge(
    "rebalancer_prices_waiting",
    "prices",
    "Prices of the set in force put aside alone until somebody has looked at them.",
)
PUBLISHED = counter(
    "rebalancer_messages_published_total", "messages", "Messages acknowledged by the broker.", "service", "topic"
)
OUTBOX_PENDING = gauge("rebalancer_outbox_pending", "rows", "Outbox rows not yet published.", "service")
OUTBOX_AGE = gauge(
    "rebalancer_outbox_oldest_age_seconds", "seconds", "Age of the oldest unpublished outbox row.", "service"
)
OUTBOX_PARKED = gauge(
    "rebalancer_outbox_parked", "rows", "Outbox rows that the broker always refuses; somebody must look.", "service"
)
PART_FAILING = gauge(
    "rebalancer_part_failing",
    "yes or no",
    "1 while a component of a service has failed and not run well since.",
    "service",
    "part",
)
PART_FAILURES = counter(
    "rebalancer_part_failures_total",
    "failures",
    "Failures after which a component of a service was restarted.",
    "service",
    "part",
)
BATCHES_PARKED = gauge(
    "rebalancer_batches_parked", "batches", "Batches parked because the service failed at them; somebody must look."
)
WITHDRAWN_APPROVALS = gauge(
    "rebalancer_approvals_on_withdrawn_prices",
    "accounts",
    "Accounts approved on a price set that was withdrawn afterwards; somebody must look.",
)
BATCH_FAILURES = counter(
    "rebalancer_batch_failures_total", "failures", "Failures at one batch, after which it was parked."
)
ACCOUNT_FAULTS = counter(
    "rebalancer_account_faults_total",
    "failures",
    "Failures of our own code at one account, which was held or failed alone; somebody must look.",
)
HTTP_REQUESTS = counter(
    "http_server_requests_total", "requests", "HTTP requests completed.", "service", "method", "route", "status"
)
HTTP_SECONDS = histogram(
    "http_server_request_duration_seconds",
    "seconds",
    "Time from request to response.",
    "service",
    "method",
    "route",
    edges=_RESPONSE_S,
)
INBOX_AGE = gauge("rebalancer_inbox_oldest_age_seconds", "seconds", "Age of the oldest file in the inbox.", "service")
INBOX_FAILURES = counter(
    "rebalancer_inbox_failures_total", "failures", "Failed attempts to load or publish a file.", "service"
)
RATE_LIMITED = counter(
    "rebalancer_rate_limited_total", "requests", "Requests refused by a rate limit, by what it counts.", "counted"
)
CONNECTIONS = gauge("rebalancer_connections", "connections", "Open connections to the ports of this process.")
CONNECTIONS_CUT = counter(
    "rebalancer_connections_cut_total",
    "connections",
    "Connections refused or closed because of the client, by reason: unread (it does not read a response), slow_head,"
    " malformed, full (too many open), address (too many of one address).",
    "reason",
)
PUSH_STREAMS = gauge("rebalancer_push_streams", "streams", "Open streams of live updates.")
LAG_RECORDS = gauge(
    "rebalancer_consumer_lag_records",
    "messages",
    "Messages of a topic that a consumer group has not committed; seen from outside, also while the group is dead.",
    "group",
    "topic",
)
LAG_SECONDS = gauge(
    "rebalancer_consumer_lag_seconds",
    "seconds",
    "Time since the oldest uncommitted message of a topic was first seen in it; grows while the broker is away.",
    "group",
    "topic",
)
GROUP_REBALANCES = counter(
    "rebalancer_group_rebalances_total",
    "assignments",
    "Times a process was given its share of the partitions of a consumer group: one a process and rebalance.",
    "group",
)
GROUP_PARTITIONS = gauge(
    "rebalancer_group_partitions",
    "partitions",
    "Partitions of a consumer group that a process has now; none while the group is being rebalanced.",
    "group",
)
LOOP_LAG = histogram(
    "rebalancer_loop_lag_seconds",
    "seconds",
    "How late the event loop woke a sleeper, looked at twice a second: so long requests and heartbeats waited too.",
    "service",
    edges=_LAG_S,
)
SAMPLE_AGE = gauge(
    "rebalancer_sample_age_seconds",
    "seconds",
    "Time since a sampler last succeeded: the gauges it sets are as old as this.",
    "service",
    "sampler",
)
ANALYSIS_SUCCEEDED = gauge(
    "rebalancer_analysis_last_success_timestamp_seconds", "unix seconds", "When the last daily analysis was finished."
)
ANALYSIS_OVERDUE = gauge(
    "rebalancer_analysis_overdue_seconds",
    "seconds",
    "Time since the daily analysis of this business date was due, 0 before that and when it is finished.",
)
END_OF_DAY_SUCCEEDED = gauge(
    "rebalancer_end_of_day_last_success_timestamp_seconds",
    "unix seconds",
    "When the end-of-day sweep last went through all batches that were due.",
)
END_OF_DAY_OVERDUE = gauge(
    "rebalancer_end_of_day_overdue_seconds",
    "seconds",
    "Time since the cut-off of the oldest undecided batch, 0 while no undecided batch is past its cut-off.",
)
INPUT_AGE = gauge(
    "rebalancer_input_age_seconds",
    "seconds",
    "Time since the cut-off of the date that the newest input bears; of the custodian that is furthest behind.",
    "input",
)
INPUT_BEHIND = gauge(
    "rebalancer_input_sessions_behind",
    "sessions",
    "Sessions from the date that the newest input bears to the business date; of the custodian furthest behind.",
    "input",
)
TILE_ACCOUNTS = gauge(
    "rebalancer_tile_accounts", "accounts", "Accounts in the queue by tile; an account may be in several.", "tile"
)
ACCOUNTS = gauge("rebalancer_accounts", "accounts", "Accounts by what the queue page counts.", "state")
BATCHES = gauge("rebalancer_batches", "batches", "Batches by state, of the 10,000 newest.", "state")
OPEN_BATCHES = gauge(
    "rebalancer_open_batches",
    "batches",
    "Undecided batches by state and by the time left until their cut-off.",
    "state",
    "due",
)
POOL_IN_USE = gauge(
    "rebalancer_pool_connections_in_use", "connections", "Database connections lent.", "service", "pool"
)
POOL_MOST = gauge(
    "rebalancer_pool_connections_most", "connections", "Most database connections of the pool.", "service", "pool"
)
POOL_WAITING = gauge(
    "rebalancer_pool_waiting", "requests", "Callers that wait for a database connection.", "service", "pool"
)
LOG_FIELDS_DROPPED = counter(
    "rebalancer_log_fields_dropped_total",
    "failures",
    "Fields left out of log lines because they are not in the closed list, or not of its form: a fault of ours.",
    "service",
)
BUILD_INFO = gauge(
    "rebalancer_build_info", "yes or no", "1, with what this process was made of.", "service", "version", "commit"
)
BATCH_READY = histogram(
    "rebalancer_batch_ready_seconds",
    "seconds",
    "Time from the request of a batch until all its results are in, or until its day ended without them.",
    "size",
    edges=_READY_S,
)
INVARIANT_BROKEN = gauge(
    "rebalancer_invariant_broken",
    "yes or no",
    "1 while something differs that must never differ, and nothing in flight explains it; somebody must look.",
    "invariant",
)
INVARIANT_AGE = gauge(
    "rebalancer_invariant_look_age_seconds",
    "seconds",
    "Time since the auditor last looked at everything of an invariant that belongs to a pass.",
    "invariant",
)
INVARIANT_SECONDS = summary(
    "rebalancer_invariant_look_seconds", "seconds", "Time that one look at an invariant takes: its cost.", "invariant"
)
