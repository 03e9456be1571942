"""The table of topics, from which Faust, topic creation, documentation and tests are derived."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import pyarrow as pa
from pydantic import BaseModel

from shared.contracts import chunks, comparison, events, platform

DAY_MS: Final = 86_400_000
STATE_MS: Final = 14 * DAY_MS
"""How long internal topics keep the state they carry, unless they are compacted: longer than any holidays."""
MIB: Final = 1024 * 1024
EVENT_LOG_DAYS: Final = 90
"""How long the topics from which a day is rebuilt keep every event, unless an installation says otherwise."""
_FIRST: Final = "account_id of the first row"


@dataclass(frozen=True)
class Topic:
    """One topic.

    content: a pydantic model (JSON value), an Arrow schema (chunk) or None (any bytes); key: what the message key is;
    audience: who may read it; compacted: the newest value of each key is kept for ever, otherwise retention_ms applies;
    partitions: where it is not 1, an installation may set another number for all such topics (deploy.topics).
    republished_by: the command that publishes what the topic carries once more, for a topic that was lost; "" where the
    topic carries no state of ours: a comparison made every day, a hop of a request, what the platform sends.
    logged: a part of the event log, from which `services.auditor replay` rebuilds a day: it keeps every event for the
    days of REBALANCER_EVENT_LOG_DAYS at least, also if it is compacted.
    """

    name: str
    content: type[BaseModel] | pa.Schema | None
    key: str
    producer: str
    consumers: tuple[str, ...]
    audience: Literal["public", "inbound", "internal", "dead-letter"] = "internal"
    partitions: int = 4
    retention_ms: int = 3 * DAY_MS
    compacted: bool = False
    republished_by: str = ""
    logged: bool = False
    max_message_bytes: int = 4 * MIB


SECURITY = Topic(
    "platform.security",
    platform.SecurityChanged,
    "security_id",
    "platform",
    ("taxlot", "analyzer"),
    "inbound",
    compacted=True,
)
PRICE = Topic(
    "platform.price", platform.PricesPublished, "price_set", "platform", ("analyzer",), "inbound", partitions=1
)
MODEL = Topic("platform.model", platform.ModelChanged, "model_id", "platform", ("analyzer",), "inbound", compacted=True)
PORTFOLIO = Topic(
    "platform.portfolio",
    platform.PortfolioChanged,
    "portfolio_id",
    "platform",
    ("analyzer",),
    "inbound",
    compacted=True,
)
ACCOUNT = Topic(
    "platform.account",
    platform.AccountChanged,
    "account_id",
    "platform",
    ("taxlot", "analyzer", "batch"),
    "inbound",
    compacted=True,
)

EXECUTION = Topic(
    "platform.execution.v1",
    platform.ExecutionReported,
    "account_id",
    "platform",
    ("batch",),
    "inbound",
    retention_ms=EVENT_LOG_DAYS * DAY_MS,
    logged=True,
)

HOLDINGS = Topic(
    "taxlot.holdings",
    chunks.HOLDINGS,
    _FIRST,
    "taxlot",
    ("analyzer",),
    retention_ms=STATE_MS,
    republished_by="services.taxlot republish holdings --every",
)
FLAGS = Topic(
    "analyzer.flags",
    chunks.FLAGS,
    _FIRST,
    "analyzer",
    ("batch",),
    retention_ms=STATE_MS,
    republished_by="services.analyzer republish flags --every",
)
REBALANCED = Topic(
    "batch.rebalanced",
    chunks.REBALANCED,
    "batch_id",
    "batch",
    ("analyzer", "taxlot"),
    retention_ms=STATE_MS,
    republished_by="services.batch republish rebalanced --every",
)
PRICE_SETS = Topic(
    "analyzer.price-set",
    events.PriceSetDecided,
    "price_set",
    "analyzer",
    ("batch",),
    partitions=1,
    compacted=True,
    republished_by="services.analyzer prices tell",
)
RETURNED = Topic(
    "batch.returned",
    chunks.RETURNED,
    "batch_id",
    "batch",
    ("analyzer",),
    retention_ms=STATE_MS,
    republished_by="services.batch republish returned --every",
    logged=True,
)

# Differences left by lost messages are found once a day, and their owner publishes again.
STANDING = Topic("analyzer.standing", comparison.STANDING, _FIRST, "analyzer", ("batch", "taxlot"))
RECALL = Topic("batch.recall", comparison.RECALL, _FIRST, "batch", ("analyzer",))
UNBOOKED = Topic("taxlot.unbooked", comparison.UNBOOKED, _FIRST, "taxlot", ("batch",))

# The chunks of a request spread over all partitions and so over all workers; their order does not matter.
# Requests and results are kept like state; the hops between them follow from a request and the stores.
_REQUESTS_AGAIN: Final = "services.batch requests"
WORK_REQUEST = Topic(
    "work.request",
    chunks.REQUEST,
    _FIRST,
    "batch",
    ("analyzer",),
    retention_ms=STATE_MS,
    republished_by=_REQUESTS_AGAIN,
)
# Edited accounts go on with the facts of the proposal that was edited, so the analyzer attaches none.
WORK_EDITS = Topic(
    "work.edits",
    chunks.FACTS,
    _FIRST,
    "batch",
    ("taxlot",),
    retention_ms=STATE_MS,
    republished_by=_REQUESTS_AGAIN,
)
WORK_FACTS = Topic("work.facts", chunks.FACTS, _FIRST, "analyzer", ("taxlot",))
WORK_LOTS = Topic("work.lots", chunks.LOTS, _FIRST, "taxlot", ("proposer",))
WORK_TRADES = Topic("work.trades", chunks.TRADES, _FIRST, "proposer", ("taxlot",))
WORK_RESULTS = Topic(
    "work.results",
    chunks.RESULT,
    _FIRST,
    "taxlot",
    ("batch",),
    retention_ms=STATE_MS,
    republished_by=_REQUESTS_AGAIN,
)


def small(topic: Topic) -> Topic:
    """Return the twin of a work topic for requests of up to 50 accounts, which so never wait behind 10,000 accounts."""
    return replace(topic, name=f"{topic.name}.small")


WORK: Final = (WORK_REQUEST, WORK_FACTS, WORK_LOTS, WORK_TRADES, WORK_RESULTS)
WORK_SMALL: Final = tuple(small(topic) for topic in WORK)

ACCOUNT_FLAG = Topic(
    "rebalancer.account-flag.v1",
    events.AccountFlag,
    "account_id",
    "analyzer",
    (),
    "public",
    compacted=True,
    logged=True,
)
ACCOUNT_STATE = Topic(
    "rebalancer.account-state.v1",
    events.AccountStateChanged,
    "account_id",
    "batch",
    (),
    "public",
    compacted=True,
    logged=True,
)
QUEUE = Topic("batch.queue", events.QueueChanged, "enterprise_id", "batch", ("gateway",), retention_ms=DAY_MS)
ANALYSIS = Topic(
    "rebalancer.analysis.v1", events.AnalysisCompleted, "run_id", "analyzer", ("batch", "gateway"), "public"
)
FILES = Topic("rebalancer.file.v1", events.FileProcessed, "file_id", "taxlot", ("gateway",), "public")
BATCH = Topic(
    "rebalancer.batch.v1",
    events.BatchChanged,
    "batch_id",
    "batch",
    ("gateway",),
    "public",
    compacted=True,
    logged=True,
)
ORDERS = Topic(
    "rebalancer.orders.v1",
    events.OrdersReleased,
    "account_id",
    "batch",
    (),
    "public",
    retention_ms=EVENT_LOG_DAYS * DAY_MS,
    logged=True,
)

# The ends of chains are kept outside of the database that they are to prove. Nobody consumes them: their producer reads
# them when it starts, without a group.
CHAIN_HEADS = Topic(
    "auditor.chain-heads",
    events.ChainHead,
    "chain",
    "auditor",
    (),
    partitions=1,
    compacted=True,
    republished_by="services.auditor",
)

SERVICES: Final = ("analyzer", "proposer", "taxlot", "batch", "gateway")


def dead_letters(service: str) -> Topic:
    """Return the dead-letter topic of a service: original bytes, the reason in headers."""
    return Topic(
        f"{service}.dlq", None, "original key", service, (), "dead-letter", partitions=1, retention_ms=30 * DAY_MS
    )


TOPICS: Final = (
    SECURITY,
    PRICE,
    MODEL,
    PORTFOLIO,
    ACCOUNT,
    EXECUTION,
    HOLDINGS,
    FLAGS,
    REBALANCED,
    PRICE_SETS,
    RETURNED,
    STANDING,
    RECALL,
    UNBOOKED,
    *WORK,
    *WORK_SMALL,
    WORK_EDITS,
    ACCOUNT_FLAG,
    ACCOUNT_STATE,
    QUEUE,
    ANALYSIS,
    FILES,
    BATCH,
    ORDERS,
    CHAIN_HEADS,
    *(dead_letters(service) for service in SERVICES),
)
