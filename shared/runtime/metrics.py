"""The catalogue of metrics: name, kind, unit and labels of each; all other code imports them from here.

Base units, `_total` only on counters; labels never hold account, advisor, user or batch ids.
"""

from prometheus_client import Counter, Gauge, Histogram, Summary

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 2.5, 5.0, 10.0, 30.0)

EVENTS = Counter("rebalancer_events_processed_total", "Messages taken in, by outcome.", ("service", "topic", "outcome"))
EVENT_SECONDS = Histogram(
    "rebalancer_event_process_seconds", "Time to handle a group of messages.", ("service", "topic"), buckets=_SECONDS
)
EVENT_AGE = Histogram(
    "rebalancer_event_age_seconds",
    "Time from the broker's append to the committed effect.",
    ("service", "topic"),
    buckets=_SECONDS,
)
EVALUATION_SECONDS = Summary(
    "rebalancer_evaluation_seconds",
    "Time of evaluating accounts, by stage from reading rows to publishing flags.",
    ("stage",),
)
UNCOMMITTED_AGE = Gauge(
    "rebalancer_uncommitted_age_seconds",
    "Longest time a partition with messages read has been without a commit.",
    ("service", "topic"),
)
DEAD_LETTERS = Counter(
    "rebalancer_dead_letters_total", "Messages that became dead letters, by reason.", ("service", "topic", "reason")
)
TOPIC_HELD = Gauge(
    "rebalancer_topic_held",
    "1 while a topic is held after a burst of dead letters, or because of a fault that restarts do not cure, until"
    " somebody has looked at it or a trial succeeds.",
    ("service", "topic"),
)
RETRIES = Counter("rebalancer_retries_total", "Faults retried in place.", ("service", "topic"))
PRICE_SETS_WAITING = Gauge("rebalancer_price_sets_waiting", "Price sets put aside until somebody has looked at them.")
PRICES_WAITING = Gauge(
    "rebalancer_prices_waiting", "Prices of the set in force put aside alone until somebody has looked at them."
)
PUBLISHED = Counter("rebalancer_messages_published_total", "Messages acknowledged by the broker.", ("service", "topic"))
OUTBOX_PENDING = Gauge("rebalancer_outbox_pending", "Outbox rows not yet published.", ("service",))
OUTBOX_AGE = Gauge("rebalancer_outbox_oldest_age_seconds", "Age of the oldest unpublished outbox row.", ("service",))
OUTBOX_PARKED = Gauge(
    "rebalancer_outbox_parked", "Outbox rows that the broker always refuses; somebody must look.", ("service",)
)
PART_FAILING = Gauge(
    "rebalancer_part_failing",
    "1 while a component of a service has failed and not run well since.",
    ("service", "part"),
)
PART_FAILURES = Counter(
    "rebalancer_part_failures_total",
    "Failures after which a component of a service was restarted.",
    ("service", "part"),
)
BATCHES_PARKED = Gauge(
    "rebalancer_batches_parked", "Batches parked because the service failed at them; somebody must look."
)
WITHDRAWN_APPROVALS = Gauge(
    "rebalancer_approvals_on_withdrawn_prices",
    "Accounts approved on a price set that was withdrawn afterwards; somebody must look.",
)
BATCH_FAILURES = Counter("rebalancer_batch_failures_total", "Failures at one batch, after which it was parked.")
ACCOUNT_FAULTS = Counter(
    "rebalancer_account_faults_total",
    "Failures of our own code at one account, which was held or failed alone; somebody must look.",
)
HTTP_REQUESTS = Counter(
    "http_server_requests_total", "HTTP requests completed.", ("service", "method", "route", "status")
)
HTTP_SECONDS = Histogram(
    "http_server_request_duration_seconds",
    "Time from request to response.",
    ("service", "method", "route"),
    buckets=_SECONDS,
)
INBOX_AGE = Gauge(
    "rebalancer_inbox_oldest_age_seconds",
    "Age of the oldest file in the inbox.",
    ("service",),
)
INBOX_FAILURES = Counter("rebalancer_inbox_failures_total", "Failed attempts to load or publish a file.", ("service",))
RATE_LIMITED = Counter(
    "rebalancer_rate_limited_total", "Requests refused by a rate limit, by what it counts.", ("counted",)
)
CONNECTIONS = Gauge("rebalancer_connections", "Open connections to the ports of this process.")
CONNECTIONS_CUT = Counter(
    "rebalancer_connections_cut_total",
    "Connections refused or closed because of the client, by reason: unread (it does not read a response), slow_head,"
    " malformed, full (too many open), address (too many of one address).",
    ("reason",),
)
PUSH_STREAMS = Gauge("rebalancer_push_streams", "Open streams of live updates.")
