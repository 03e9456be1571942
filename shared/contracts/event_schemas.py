"""JSON Schema (2020-12) of public and inbound events, from their models and the meanings of their fields.

A public event's schema is open: later releases add fields, and who validates by an earlier schema must not refuse them.
It knows no null, for absent values are left out.  An inbound event's schema says what is taken, null included.
"""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from shared.contracts.catalogue import NOTES, published
from shared.contracts.field_meanings import MEANINGS, OBJECTS
from shared.contracts.topics import Topic

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
SCHEMAS_PATH: Final = "/api/v1/events/schemas"
"""Path under which the gateway serves a schema, as `<topic>.json`."""

Schema: TypeAlias = dict[str, Any]


def schema_path(topic: Topic) -> str:
    """Return the path of the topic's schema at the gateway; it stands for this version of the topic."""
    return f"{SCHEMAS_PATH}/{topic.name}.json"


def schemas() -> Mapping[str, Schema]:
    """Return the schema of every public and inbound event by topic name."""
    return {topic.name: schema_of(topic) for topic in published()}


def schema_of(topic: Topic) -> Schema:
    """Return the schema of a topic's event.  Raises KeyError for a topic, object or field that nothing is noted of."""
    return deepcopy(_schema_of(topic.name))


def model_of(topic: Topic) -> type[BaseModel]:
    """Return the model of a topic's event.  Raises TypeError for a topic of chunks or of any bytes."""
    if isinstance(topic.content, type) and issubclass(topic.content, BaseModel):
        return topic.content
    raise TypeError(f"{topic.name} has no event in JSON")


def meaning_of(model: str, field: str) -> str:
    """Return what a field of a model means.  Raises KeyError if nobody noted it."""
    own = f"{model}.{field}"
    return MEANINGS[own] if own in MEANINGS else MEANINGS[field]


@cache
def _schema_of(name: str) -> Schema:
    topic = next(topic for topic in published() if topic.name == name)
    model = model_of(topic)
    made = model.model_json_schema(mode="validation")
    for field in [field for field, info in model.model_fields.items() if info.exclude]:
        del made["properties"][field]  # it never travels
    inner = {
        part: _object(part, schema, OBJECTS[part], topic) for part, schema in sorted(made.pop("$defs", {}).items())
    }
    head = {"$schema": DIALECT, **_object(model.__name__, made, NOTES[name].purpose, topic)}
    return head | ({"$defs": inner} if inner else {})


def _object(name: str, made: Schema, meaning: str, topic: Topic) -> Schema:
    """Return the schema of one object: pydantic's, with our words in place of its titles and docstrings."""
    is_public = topic.audience == "public"
    fields = {field: _field(name, field, schema, is_public) for field, schema in made["properties"].items()}
    required = [field for field in fields if field in made.get("required", ())]
    return {"title": name, "description": meaning, "type": "object", "properties": fields, "required": required}


def _field(model: str, name: str, made: Schema, is_public: bool) -> Schema:
    """Return the schema of a field; a public event never holds null."""
    schema = {key: value for key, value in made.items() if key != "title"}
    if is_public:
        if schema.get("default", ...) is None:
            del schema["default"]
        kinds = [kind for kind in schema.pop("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            schema = kinds[0] | schema
        elif kinds:
            schema["anyOf"] = kinds
    return {"description": meaning_of(model, name)} | schema
