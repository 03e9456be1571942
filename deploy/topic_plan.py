"""What the table of topics and the settings want of a broker, compared with what it has.  Nothing is sent here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from pydantic import Field, model_validator

from shared.contracts.topics import DAY_MS, EVENT_LOG_DAYS, Topic
from shared.runtime.settings import KafkaSettings

MIN_ISR: Final = "min.insync.replicas"
COMPACTION_LAG: Final = "min.compaction.lag.ms"


class TopicSettings(KafkaSettings):
    """How topics are laid out on a broker; each from the environment as REBALANCER_<NAME>."""

    partitions: int | None = Field(
        default=None,
        ge=1,
        description="Partitions of every topic that has more than one: the most replicas of a worker that share its"
        " work. Unset: what the table of topics says.",
    )
    replication: int = Field(default=1, ge=1, description="Copies of each partition; 3 where there are three brokers.")
    min_isr: int = Field(
        default=1,
        ge=1,
        description="Copies that must have a message before it counts as sent; 2 of 3, so that one broker may be away.",
    )

    event_log_days: int = Field(
        default=EVENT_LOG_DAYS,
        ge=1,
        le=36_500,
        description="Days for which the topics of the event log keep every event, so that any of these days can be"
        " rebuilt (`services.auditor replay`, which has the same setting). Compaction leaves younger events alone.",
    )

    @model_validator(mode="after")
    def _copies_can_be_had(self) -> Self:
        """Refuse more copies in step than there are: every message would be refused."""
        if self.min_isr > self.replication:
            raise ValueError(f"min_isr {self.min_isr} is above replication {self.replication}")
        return self


@dataclass(frozen=True)
class PresentTopic:
    """One topic as the broker has it.

    replication: the fewest copies of any of its partitions; configuration: every value in force; own: those set for
    this topic alone.
    """

    partitions: int
    replication: int
    configuration: Mapping[str, str]
    own: Mapping[str, str]


@dataclass(frozen=True)
class TopicDifference:
    """What to change of one topic, and what cannot be.

    configuration: by name the value in force and the one that is wanted; partitions: the number to raise it to;
    moves_keys: raising it sends keys to other partitions, where somebody relies on their order; problems: sentences.
    """

    topic: Topic
    present: PresentTopic
    configuration: Mapping[str, tuple[str | None, str]]
    partitions: int | None
    moves_keys: bool
    problems: tuple[str, ...]

    @property
    def own_configuration(self) -> dict[str, str]:
        """Everything to be set for this topic alone: a broker replaces the whole, so what others set is kept."""
        return {**self.present.own, **{name: wanted for name, (_, wanted) in self.configuration.items()}}


def partitions_of(topic: Topic, settings: TopicSettings) -> int:
    """Return how many partitions a topic shall have; one stays one, because its order is that of the whole topic."""
    return topic.partitions if topic.partitions == 1 or settings.partitions is None else settings.partitions


def configuration_of(topic: Topic, settings: TopicSettings) -> dict[str, str]:
    """Return what is set at the broker for a topic."""
    log_ms = settings.event_log_days * DAY_MS if topic.logged else 0
    kept = {"cleanup.policy": "delete", "retention.ms": str(max(topic.retention_ms, log_ms))}
    if topic.compacted:
        kept = {"cleanup.policy": "compact"} | ({COMPACTION_LAG: str(log_ms)} if topic.logged else {})
    return {
        **kept,
        "max.message.bytes": str(topic.max_message_bytes),
        "compression.type": "producer",
        MIN_ISR: str(settings.min_isr),
    }


def compare(topic: Topic, settings: TopicSettings, present: PresentTopic) -> TopicDifference:
    """Return what differs between a topic of the table and what the broker has."""
    wanted, problems = partitions_of(topic, settings), []
    if present.partitions > wanted:
        problems.append(
            f"has {present.partitions} partitions, wanted are {wanted}: a broker takes none away;"
            f" {'delete and fill it anew' if wanted == 1 else 'raise REBALANCER_PARTITIONS'}"
        )
    if present.replication != settings.replication:
        problems.append(
            f"has {present.replication} copies, wanted are {settings.replication}: move it with"
            " kafka-reassign-partitions.sh, which knows the brokers"
        )
    asked = configuration_of(topic, settings)
    if int(asked[MIN_ISR]) > present.replication:  # every message would be refused until it has its copies
        asked.pop(MIN_ISR)
        problems.append(f"keeps {MIN_ISR} {present.configuration.get(MIN_ISR)} until it has enough copies")
    changes = {
        name: (present.configuration.get(name), value)
        for name, value in asked.items()
        if present.configuration.get(name) != value
    }
    raised = wanted if present.partitions < wanted else None
    return TopicDifference(
        topic, present, changes, raised, raised is not None and key_order_matters(topic), tuple(problems)
    )


def key_order_matters(topic: Topic) -> bool:
    """Return whether somebody relies on all messages of a key being in one partition.

    Subscribers and the platform do, and compaction does: what a key had in its old partition would stay there for ever.
    Our own services do not: of two versions the higher counts, whatever comes first.  Source: architecture "Who is the
    authority".
    """
    return topic.audience != "internal" or topic.compacted
