"""Largest bodies that the gateway accepts."""

from dataclasses import dataclass
from typing import Final

import orjson
from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UPLOAD_PATH: Final = "/api/v1/files"


@dataclass(frozen=True)
class BodySize:
    """Middleware that refuses bodies over a size: at once if announced, otherwise when the surplus arrives."""

    app: ASGIApp
    limit_bytes: int
    upload_limit_bytes: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_upload = scope["path"] == UPLOAD_PATH
        limit = self.upload_limit_bytes if is_upload else self.limit_bytes
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isascii() and announced.isdigit() and int(announced) > limit:
            await _refuse(limit, send)
            return
        received = 0

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413, _too_large(limit))
            return message

        await self.app(scope, counting, send)


def _too_large(limit: int) -> str:
    return f"the body is larger than the {limit:,} bytes allowed here"


async def _refuse(limit: int, send: Send) -> None:
    """Respond without reading the body; the server then closes the connection."""
    problem = {
        "type": "about:blank",
        "title": _too_large(limit),
        "status": 413,
        "detail": _too_large(limit),
        "code": "http_413",
    }
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps(problem)})
