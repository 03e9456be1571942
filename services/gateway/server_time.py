"""The gateway's clock with every response of the API: browsers count deadlines by it, not by a clock of their own."""

from dataclasses import dataclass
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime.clock import Clock

HEADER: Final = "Server-Time"


@dataclass(frozen=True)
class ServerTime:
    """Middleware that adds the present instant, ISO 8601 in UTC, to responses under /api/."""

    app: ASGIApp
    clock: Clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = self.clock.now().isoformat(timespec="milliseconds")
            await send(message)

        await self.app(scope, receive, telling)
