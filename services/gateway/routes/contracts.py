"""The contracts of our events for whoever subscribes: the AsyncAPI document and the JSON Schema of each event.

Open, as the OpenAPI document is: they say nothing of anybody.  Made from the models when they are first asked for.
"""

from functools import cache

import orjson
from fastapi import Response

from shared.contracts.asyncapi import document
from shared.contracts.event_schemas import schemas
from shared.contracts.problems import NotFound
from shared.http import routing

router = routing.open_router(prefix="/api/v1")


@router.get("/asyncapi.json")
async def get_asyncapi() -> Response:
    """Return the AsyncAPI document."""
    return Response(_asyncapi(), media_type="application/json")


@router.get("/events/schemas/{topic}.json")
async def get_schema(topic: str) -> Response:
    """Return the JSON Schema of a topic's event, to which `ce_dataschema` of its messages points."""
    found = _schemas().get(topic)
    if found is None:
        raise NotFound(f"no event has a schema under {topic}; the topics are in /api/v1/asyncapi.json")
    return Response(found, media_type="application/schema+json")


@cache
def _asyncapi() -> bytes:
    return orjson.dumps(document())


@cache
def _schemas() -> dict[str, bytes]:
    return {topic: orjson.dumps(schema) for topic, schema in schemas().items()}
