"""The OpenAPI document: what FastAPI derives from the routes, plus roles, security and refusals of every operation."""

from typing import Any, Final

from fastapi import FastAPI

from services.gateway.routes.door import CSRF_HEADER
from shared.contracts.api_work import Pushed
from shared.contracts.roles import roles_for

_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A refusal (RFC 9457). `detail` is for people; some carry more: `count` (count_changed), `version`,"
    " and for programs `hint` and `errors`.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "instance": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail", "code"],
    "additionalProperties": True,
}
_MEANING: Final = {
    400: "The body cannot be read, or the Idempotency-Key is missing.",
    401: "Not signed in.",
    403: "Not allowed.",
    404: "Not there, or not yours to see.",
    408: "The body stopped coming.",
    409: "The state, or the number of accounts, has changed.",
    412: "The batch has changed since it was displayed.",
    413: "The body is too large.",
    422: "A value is not valid.",
    428: "If-Match is missing.",
    429: "Too many requests; Retry-After says when to go on.",
    500: "A fault on our side.",
    503: "A part of the system is away; Retry-After says when to try again.",
}
_REQUIRED_HEADERS: Final = ("Idempotency-Key", "If-Match")


def describe(app: FastAPI) -> dict[str, Any]:
    """Complete the document of the app's routes, which the app serves from now on, and return it."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    document = app.openapi()
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    schemas["Pushed"] = Pushed.model_json_schema()
    document["info"]["description"] = "The rebalancer's API for its own pages. Money, quantities and weights are text."
    document["components"]["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": "session", "description": "Set by signing in."},
        "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER, "description": "Me.csrf, for commands."},
    }
    for path in document["paths"].values():
        for method, operation in path.items():
            _complete(method, operation)
    return document


def _complete(method: str, operation: dict[str, Any]) -> None:
    """Add roles, security, required headers and refusals to one operation."""
    roles = ", ".join(sorted(roles_for(operation["operationId"])))
    operation["x-roles"] = sorted(roles_for(operation["operationId"]))
    operation["description"] = f"{operation.get('description', '')}\n\nRoles: {roles}.".strip()
    operation["security"] = [{"session": []}] if method == "get" else [{"session": [], "csrf": []}]
    parameters = operation.get("parameters", [])
    for parameter in parameters:
        if parameter["name"] in _REQUIRED_HEADERS:
            parameter["required"] = True
            parameter["schema"] = {"type": "string", "maxLength": 200, "title": parameter["name"]}
    for status in _refusals(method, operation, [parameter["name"] for parameter in parameters]):
        operation["responses"][str(status)] = {
            "description": _MEANING[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }


def _refusals(method: str, operation: dict[str, Any], parameters: list[str]) -> list[int]:
    found = {401, 403, 422, 429, 500, 503}
    if any(parameter.get("in") == "path" for parameter in operation.get("parameters", [])):
        found.add(404)
    if method != "get":
        found |= {400, 408, 409, 413}
    if "If-Match" in parameters:
        found |= {412, 428}
    if operation["operationId"] == "get_latest_run":
        found.add(404)
    if operation["operationId"] in ("export_orders", "export_block_orders"):
        found.add(409)  # not approved: there are none
    return sorted(found)
