"""What holds for every request, whatever answers it: security headers and the size of bodies."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import orjson
from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UPLOAD_PATH: Final = "/api/v1/files"


def security_headers(gateway_url: str, issuer_url: str) -> dict[str, str]:
    """Return the headers of every answer. Styles may stand in attributes (the component library sets them), scripts may
    not; forms may lead to the issuer because signing out ends there."""
    issuer = urlsplit(issuer_url)
    policy = (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
        f"base-uri 'none'; form-action 'self' {issuer.scheme}://{issuer.netloc}; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    if gateway_url.startswith("https:"):
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


@dataclass(frozen=True)
class SecurityHeaders:
    """Adds headers to every answer that does not set them itself."""

    app: ASGIApp
    headers: dict[str, str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    present.setdefault(name, value)
                if scope["path"].startswith(("/api/", "/auth/")):
                    present.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, adding)


@dataclass(frozen=True)
class BodyLimit:
    """Refuses bodies over a size: at once when announced, otherwise when the surplus arrives."""

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
    """Answer without reading the body; the server then closes the connection."""
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
