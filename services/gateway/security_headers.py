"""Security headers, on every response of the gateway."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def security_headers(gateway_url: str, issuer_url: str) -> dict[str, str]:
    """Return the headers of every response.

    Inline styles are allowed because the component library sets them; inline scripts are not. Forms may post to the
    issuer because signing out ends there.
    """
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
    """Middleware that adds headers to every response that does not set them itself."""

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
