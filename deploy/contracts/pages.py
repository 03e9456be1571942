"""Pages in Markdown: one for each topic that other systems read or write, and their index."""

from collections.abc import Iterable
from typing import Any, Final

from pydantic import TypeAdapter

from deploy.contracts.examples import FOLDER, as_committed, as_published, examples
from shared.contracts import types
from shared.contracts.asyncapi import headers_of
from shared.contracts.catalogue import DATA_CLASSES, NOTES, published
from shared.contracts.event_schemas import Schema, schema_of, schema_path
from shared.contracts.topics import DAY_MS, EVENT_LOG_DAYS, MIB, Topic

_NOTE: Final = "<!-- Written by `python -m deploy.contracts`; a test compares. -->"
_UNITS: Final[dict[str, str]] = {
    TypeAdapter(kind).json_schema()["pattern"]: unit
    for kind, unit in (
        (types.Identity, "id"),
        (types.Usd, "dollars, two decimals"),
        (types.Price, "dollars a unit, up to six decimals"),
        (types.Quantity, "units, up to six decimals"),
        (types.Weight, "fraction, up to nine decimals"),
    )
}
_LEGEND: Final = (
    "An id is text of up to 64 of the characters `A-Z a-z 0-9 . _ : @ -`. Dollars, units and fractions are decimal"
    " text; the fraction `0.125` is 12.5 %."
)
_FORMATS: Final = {
    "date": "date, `YYYY-MM-DD`",
    "date-time": "time, RFC 3339",
    "uri-reference": "who sends it, a path or URI",
}


def index() -> str:
    """Return the index of all pages."""
    public = [topic for topic in published() if topic.audience == "public"]
    inbound = [topic for topic in published() if topic.audience == "inbound"]
    return "\n".join(
        [
            "# Events",
            "",
            _NOTE,
            "",
            "What other systems read from the rebalancer, and what the platform writes to it, on Kafka. Each topic has"
            " a page, a JSON Schema (2020-12) and examples. [`asyncapi.json`](asyncapi.json) is all of it as AsyncAPI"
            f" 3. The gateway serves both: `/api/v1/asyncapi.json` and `{schema_path(public[0])}`.",
            "",
            "## What holds for every event",
            "",
            "- **At least once.** After a fault an event may come again. Its headers `ce_source` and `ce_id` are the"
            " same then: act on a pair once. Where the event is a state, keep its highest `version` instead.",
            "- **Order** is promised for the events of one key at most; each page says what.",
            "- **Headers** are the attributes of CloudEvents 1.0 in binary mode; the value is plain JSON.",
            "- **Numbers** that must be exact are text: dollars, units, weights. Absent fields are left out.",
            "- **Fields are added** within a version of a topic: pass over what you do not know. Anything else that a"
            " reader could notice is a new topic (`.v2`), and the old one goes on beside it.",
            "- **What is published names whom it concerns**, by enterprise and advisor, and all enterprises in the"
            " header `ce_enterprises`. Show it to nobody else: pass an event on to those alone who may see every"
            " enterprise that it names.",
            "- **The same id always comes with the same bytes**: value, key and headers, left aside `ce_dataschema`,"
            " which follows the gateway's address, and `traceparent`.",
            "- **After a restore** of one of our databases to an earlier moment its events have a new `ce_source`."
            " Versions count within one `ce_source`: the state of a new one counts, whatever its version. No id of the"
            " former one comes again with other content.",
            "",
            "## Published",
            "",
            *_listed(public),
            "",
            "## Taken from the platform",
            "",
            *_listed(inbound),
            "",
            "## Releases",
            "",
            "`released/<number>` holds schemas and examples of each release of the contract, unchanged; tests compare"
            " the present ones with the last. `released/0` holds events from before the contract had a number.",
            "",
        ]
    )


def page(topic: Topic) -> str:
    """Return the page of one topic."""
    notes, schema = NOTES[topic.name], schema_of(topic)
    objects = {schema["title"]: schema} | schema.get("$defs", {})
    delivery = "At least once." if topic.audience == "public" else "Send at least once."
    return "\n".join(
        [
            f"# {topic.name}",
            "",
            _NOTE,
            "",
            notes.purpose,
            "",
            *_facts(topic),
            "",
            "## Order and delivery",
            "",
            f"{notes.order}",
            "",
            f"{delivery} {notes.once}",
            "",
            "## Headers",
            "",
            *_headers(topic),
            "",
            "## Fields",
            "",
            _LEGEND,
            "",
            *(line for name, made in objects.items() for line in _object(name, made, topic)),
            "## Examples",
            "",
            *_examples(topic),
            "## Reading what was before" if topic.audience == "public" else "## Sending again",
            "",
            notes.replay,
            "",
            "## Changes by release",
            "",
            *(f"- {change}" for change in notes.changes),
            "",
        ]
    )


def _listed(topics: Iterable[Topic]) -> list[str]:
    rows = [
        f"| [{topic.name}]({topic.name}.md) | `{topic.key}` | {_kept(topic)} | {NOTES[topic.name].purpose} |"
        for topic in topics
    ]
    return ["| topic | key | kept | what it says |", "|---|---|---|---|", *rows]


def _facts(topic: Topic) -> list[str]:
    notes = NOTES[topic.name]
    sizes = [len(as_published(body)) for body in examples(topic.name).values()]
    readers = ", ".join((*topic.consumers, "subscribers") if topic.audience == "public" else topic.consumers)
    facts = {
        "written by": topic.producer,
        "read by": readers,
        "key": f"`{topic.key}`",
        "partitions": str(topic.partitions),
        "kept": _kept(topic),
        "largest message": f"{topic.max_message_bytes // MIB} MiB; the examples: {min(sizes)} to {max(sizes)} bytes",
        "volume": notes.volume,
        "personal data": f"{notes.personal_data}: {DATA_CLASSES[notes.personal_data]}",
        "schema": f"[schemas/{topic.name}.json](schemas/{topic.name}.json), at the gateway `{schema_path(topic)}`",
    }
    return ["| | |", "|---|---|", *(f"| {name} | {fact} |" for name, fact in facts.items())]


def _kept(topic: Topic) -> str:
    if topic.compacted:
        every = f"; every event for {EVENT_LOG_DAYS} days" if topic.logged else ""
        return f"the newest of each key, for ever (compacted){every}"
    days = topic.retention_ms // DAY_MS
    return f"{days} day{'' if days == 1 else 's'}"


def _headers(topic: Topic) -> list[str]:
    """Return the table of headers; of what others send they are welcome and not needed."""
    rows = [f"| `{name}` | {_header(kind)} |" for name, kind in headers_of(topic)["properties"].items()]
    welcome = ["None is needed. Those of CloudEvents are recommended.", ""] if topic.audience == "inbound" else []
    return [*welcome, "| header | value |", "|---|---|", *rows]


def _header(schema: Schema) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    return str(schema["description"]) if "description" in schema else _FORMATS[schema["format"]]


def _object(name: str, schema: Schema, topic: Topic) -> list[str]:
    required = "always there" if topic.audience == "public" else "needed"
    rows = [
        f"| `{field}` | {_kind(made)} | {'yes' if field in schema['required'] else 'no'} | {_meaning(made)} |"
        for field, made in schema["properties"].items()
    ]
    table = [f"| field | kind | {required} | meaning |", "|---|---|---|---|", *rows]
    return [f"### {name}", "", schema["description"], "", *table, ""]


def _meaning(schema: Schema) -> str:
    default = schema.get("default")
    return str(schema["description"]) + ("" if default is None else f"; absent: `{as_published(default).decode()}`")


def _kind(schema: Schema) -> str:
    """Return what a value may be, in words, with its unit."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(kind) for kind in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        most = f", up to {schema['maxItems']:,}" if "maxItems" in schema else ""
        return f"list{most}: {_kind(schema['items'])}"
    if schema["type"] == "integer":
        return f"integer{_range(schema)}"
    if schema["type"] == "string":
        return _text(schema)
    return str(schema["type"])


def _text(schema: Schema) -> str:
    if "format" in schema:
        return _FORMATS[schema["format"]]
    if "pattern" in schema:
        pattern: str = schema["pattern"]
        return _UNITS.get(pattern, f"text: `{pattern}`")
    return f"text, up to {schema['maxLength']} characters" if "maxLength" in schema else "text"


def _range(schema: Schema) -> str:
    bounds: dict[str, Any] = {"from": schema.get("minimum"), "to": schema.get("maximum")}
    said = [f"{word} {value:,}" for word, value in bounds.items() if value is not None]
    return f" {' '.join(said)}" if said else ""


def _examples(topic: Topic) -> list[str]:
    found = examples(topic.name)
    first, body = next(iter(found.items()))
    others = [f"[{_title(name)}]({FOLDER}/{topic.name}/{name}.json)" for name in found if name != first]
    shown = [f"{_title(first).capitalize()}:", "", "```json", as_committed(body).rstrip(), "```", ""]
    return shown + ([f"More: {', '.join(others)}.", ""] if others else [])


def _title(name: str) -> str:
    return name.replace("-", " ")
