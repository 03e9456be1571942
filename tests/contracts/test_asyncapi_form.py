"""The AsyncAPI document against the official JSON Schema of AsyncAPI 3.0.0, and against what no JSON Schema can say.

asyncapi-3.0.0.schema.json.gz is `schemas/3.0.0-without-$id.json` of the npm package @asyncapi/specs 6.11.1, unchanged
but for white space.  Copyright 2016-2025 AsyncAPI Initiative (http://www.asyncapi.com/), Apache-2.0.  The official
parser has the same schema inside; it brings 70 packages, one of which reports each installation to its makers.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft7Validator

from shared.contracts.asyncapi import document

pytestmark = pytest.mark.fast
Document = dict[str, Any]
OFFICIAL: Final = Path(__file__).with_name("asyncapi-3.0.0.schema.json.gz")


def _official() -> Draft7Validator:
    with gzip.open(OFFICIAL) as file:
        schema = json.load(file)
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


VALID: Final = _official()


def faults(made: Document) -> Iterator[str]:
    """Yield what is wrong with a document: against the schema, else in what its parts say of each other."""
    found = [f"{error.json_path}: {error.message[:200]}" for error in VALID.iter_errors(made)]
    yield from found or _between(made)


def _between(made: Document) -> Iterator[str]:
    """Yield what the specification demands of parts of a document together.

    Source: AsyncAPI 3.0.0, Operation Object (channel and messages), Channel Object (address), Message Object
    (headers), Server Object (variables).
    """
    addresses = [channel["address"] for channel in made["channels"].values()]
    if len(set(addresses)) != len(addresses):
        yield "two channels have one address"
    for name, operation in made["operations"].items():
        channel = operation["channel"]["$ref"].removeprefix("#/channels/")
        if channel not in made["channels"]:
            yield f"{name}: no channel {channel}"
            continue
        own = {f"#/channels/{channel}/messages/{message}" for message in made["channels"][channel]["messages"]}
        if strange := {message["$ref"] for message in operation["messages"]} - own:
            yield f"{name}: messages of another channel: {sorted(strange)}"
    for name, message in made["components"]["messages"].items():
        if message["headers"].get("type") != "object":
            yield f"{name}: headers are an object"
    for name, server in made["servers"].items():
        used = {part.partition("}")[0] for part in server["host"].split("{")[1:]}
        if used != set(server.get("variables", {})):
            yield f"{name}: its host has the variables {sorted(used)}"


def test_the_document_is_what_asyncapi_says_a_document_is() -> None:
    assert list(faults(document())) == []


def _set(value: object, *path: str) -> Callable[[Document], None]:
    """Return what puts a value at a place of a document; the last step may be new."""

    def change(made: Document) -> None:
        at: Any = made
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return change


def _drop(*path: str) -> Callable[[Document], None]:
    def change(made: Document) -> None:
        at: Any = made
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]

    return change


ORDERS, TAKEN = "rebalancer.orders.v1", "takeAccountChanged"
SECURITY_MESSAGE = {"$ref": "#/channels/platform.security/messages/SecurityChanged"}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_drop("info"), id="no title"),
        pytest.param(_drop("info", "version"), id="no version"),
        pytest.param(_set("4.0.0", "asyncapi"), id="another version of the form"),
        pytest.param(_set({}, "chanels"), id="a misspelt key at the top"),
        pytest.param(_set("x", "channels", ORDERS, "adress"), id="a misspelt key of a channel"),
        pytest.param(_set("publish", "operations", TAKEN, "action"), id="the action of AsyncAPI 2"),
        pytest.param(_drop("operations", TAKEN, "channel"), id="an operation without a channel"),
        pytest.param(_set(4.5, "channels", ORDERS, "bindings", "kafka", "partitions"), id="half a partition"),
        pytest.param(_set("x", "channels", ORDERS, "bindings", "kafka", "topicConfig"), id="a misspelt binding"),
        pytest.param(_drop("servers", "kafka", "protocol"), id="a server without a protocol"),
        pytest.param(_set("blob", "components", "schemas", "SecurityChanged", "type"), id="a type that is none"),
        pytest.param(_set("string", "components", "messages", "OrdersReleased", "headers", "type"), id="odd headers"),
        pytest.param(
            _set({"$ref": "#/channels/none"}, "operations", TAKEN, "channel"), id="a channel that is not there"
        ),
        pytest.param(_set([SECURITY_MESSAGE], "operations", TAKEN, "messages"), id="a message of another channel"),
        pytest.param(_set("platform.price", "channels", ORDERS, "address"), id="two channels at one address"),
        pytest.param(_drop("servers", "kafka", "variables"), id="a variable that nobody explains"),
    ],
)
def test_what_is_wrong_is_found(change: Callable[[Document], None]) -> None:
    made = deepcopy(document())
    change(made)
    assert list(faults(made))
