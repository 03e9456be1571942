"""What the broker lets one connection do with topics: a metadata request that asks for that too.

aiokafka's own metadata request is of an older version, which does not.  Source: Apache Kafka, message Metadata 8.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

OPERATIONS: Final = {
    "Read": 3, "Write": 4, "Create": 5, "Delete": 6, "Alter": 7, "Describe": 8, "ClusterAction": 9,
    "DescribeConfigs": 10, "AlterConfigs": 11, "IdempotentWrite": 12,
}  # fmt: skip
"""Numbers of the operations in Kafka's protocol."""
_TEXT: Final = String("utf-8")
_GROUP: Final = 0
_METADATA: Final = 3


class _Reply(Response):
    API_KEY = _METADATA
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT))),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("name", _TEXT),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("in_sync", Array(Int32)),
                        ("offline", Array(Int32)),
                    ),
                ),
                ("operations", Int32),
            ),
        ),
        ("cluster_operations", Int32),
    )


class _Question(RequestStruct):
    API_KEY = _METADATA
    API_VERSION = 8
    RESPONSE_TYPE = _Reply
    SCHEMA = Schema(
        ("topics", Array(_TEXT)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_operations", Boolean),
        ("include_topic_operations", Boolean),
    )


class _TopicsRequest(Request[_Question]):
    API_KEY = _METADATA

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = sorted(topics)

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class(self._topics, False, False, True)


@dataclass(frozen=True)
class TopicAccess:
    """The broker's word on a topic.  error_code: of Kafka's protocol, 0 if there is none."""

    error_code: int
    operations: int

    def allows(self, operation: str) -> bool:
        """Say whether the connection may do this with the topic."""
        return bool(self.operations >> OPERATIONS[operation] & 1)


async def topics_allowed(connection: AIOKafkaConnection, topics: Collection[str]) -> Mapping[str, TopicAccess]:
    """Return what the connection may do with each topic.  Raises KafkaError if the broker does not reply."""
    reply: Any = await connection.send(_TopicsRequest(topics))
    return {name: TopicAccess(code, operations) for code, name, _, _, operations in reply.topics}


async def group_error(connection: AIOKafkaConnection, group: str) -> int:
    """Return the error code with which the broker answers who coordinates the group, 0 if it says who.

    Raises KafkaError if the broker does not reply.
    """
    reply: Any = await connection.send(FindCoordinatorRequest(group, _GROUP))
    return int(reply.error_code)
