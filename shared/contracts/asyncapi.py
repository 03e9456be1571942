"""The AsyncAPI 3 document of the topics that other systems read or write, from the table of topics and the catalogue.

Source: AsyncAPI 3.0.0, Kafka bindings 0.5.0, CloudEvents 1.0 in binary mode.
"""

import json
from typing import Any, Final, TypeAlias

from shared.contracts.catalogue import DATA_CLASSES, NOTES, published
from shared.contracts.event_schemas import Schema, model_of, schema_of, schema_path
from shared.contracts.topics import Topic

RELEASE: Final = 1
"""Number of the contract's release; the schemas of earlier ones stand under docs/events/released."""
BINDING: Final = "0.5.0"

Document: TypeAlias = dict[str, Any]
_INNER: Final = "#/$defs/"
_SHARED: Final = "#/components/schemas/"


def document() -> Document:
    """Return the document: a channel, an operation and a message for every public and inbound topic."""
    topics = published()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rebalancer events",
            "version": str(RELEASE),
            "description": "What the rebalancer publishes, and what it takes from the platform. Every event is"
            " delivered at least once. Money, quantities and weights are decimal text.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{broker}",
                "protocol": "kafka",
                "description": "The installation's Kafka; whoever runs it names the address.",
                "variables": {"broker": {"description": "host:port", "default": "localhost:9092"}},
            }
        },
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {_operation_name(topic): _operation(topic) for topic in topics},
        "components": {
            "messages": {model_of(topic).__name__: _message(topic) for topic in topics},
            "schemas": _components(topics),
        },
    }


def topic_configuration(topic: Topic) -> dict[str, Any]:
    """Return what the topic is configured with at the broker, as Kafka names it."""
    kept = {"cleanup.policy": ["compact"]} if topic.compacted else {"retention.ms": topic.retention_ms}
    return {**kept, "max.message.bytes": topic.max_message_bytes}


def headers_of(topic: Topic) -> Schema:
    """Return the schema of a message's headers: CloudEvents attributes, required of what we publish."""
    is_public = topic.audience == "public"
    source: Schema = {"format": "uri-reference"}
    if is_public:
        source = {
            "pattern": f"^/rebalancer/{topic.producer}(/[0-9a-f]{{12}})?$",
            "description": f"`/rebalancer/{topic.producer}/` and the incarnation of its database, which is new after a"
            " restore; a database of an early release has none.",
        }
    fields: dict[str, Schema] = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"description": "The same id is the same event: act on an id once."},
        "ce_type": {"const": topic.name},
        "ce_source": source,
        "ce_subject": {"description": f"The key of the message: {topic.key}."},
        "ce_time": {"format": "date-time"},
        "content-type": {"const": "application/json"},
    }
    required = list(fields)
    if is_public:
        fields["ce_enterprises"] = {
            "pattern": "^[A-Za-z0-9._:@-]+(,[A-Za-z0-9._:@-]+)*$",
            "description": "All enterprises that the event is about, separated by commas. Pass it on to nobody who may"
            " not see them all. Absent where nobody knows them, and in events of early releases.",
        }
    fields["ce_dataschema"] = {"format": "uri", "description": "Where the gateway serves the schema of the value."}
    fields["traceparent"] = {
        "description": "W3C Trace Context of what caused the event, if that is known. Two deliveries of an event may"
        " differ in it, and no effect may depend on it."
    }
    made: Schema = {"type": "object", "properties": {name: {"type": "string"} | kind for name, kind in fields.items()}}
    return made | ({"required": required} if is_public else {})


def _channel(topic: Topic) -> Document:
    notes, name = NOTES[topic.name], model_of(topic).__name__
    return {
        "address": topic.name,
        "title": name,
        "summary": notes.purpose,
        "description": f"Order: {notes.order}\n\nDelivery: {notes.once}\n\nVolume: {notes.volume}\n\n"
        f"Personal data: {notes.personal_data}, {DATA_CLASSES[notes.personal_data]}.\n\nReplay: {notes.replay}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": topic_configuration(topic),
                "bindingVersion": BINDING,
            }
        },
    }


def _operation_name(topic: Topic) -> str:
    return f"{'publish' if topic.audience == 'public' else 'take'}{model_of(topic).__name__}"


def _operation(topic: Topic) -> Document:
    """Return what the rebalancer itself does with the topic: it sends what is public and receives what is inbound."""
    return {
        "action": "send" if topic.audience == "public" else "receive",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"{topic.producer} writes it.",
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{model_of(topic).__name__}"}],
    }


def _message(topic: Topic) -> Document:
    name = model_of(topic).__name__
    return {
        "name": name,
        "title": name,
        "summary": NOTES[topic.name].purpose,
        "contentType": "application/json",
        "headers": headers_of(topic),
        "payload": {"$ref": f"{_SHARED}{name}"},
        "description": f"The gateway serves the JSON Schema of the value at {schema_path(topic)}.",
        "bindings": {
            "kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": BINDING},
        },
    }


def _components(topics: tuple[Topic, ...]) -> dict[str, Schema]:
    """Return the schemas of all events, with the objects inside them beside them."""
    found: dict[str, Schema] = {}
    for topic in topics:
        schema = json.loads(json.dumps(schema_of(topic)).replace(_INNER, _SHARED))
        del schema["$schema"]
        found |= schema.pop("$defs", {})
        found[model_of(topic).__name__] = schema
    return dict(sorted(found.items()))
