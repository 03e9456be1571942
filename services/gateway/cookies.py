"""The two cookies: names, flags and lifetimes follow from the address browsers use."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from fastapi import Request, Response


@dataclass(frozen=True)
class Cookies:
    """Names of the session's and the sign-in attempt's cookie.

    Over https they carry the __Host- prefix: Secure, of this host alone, whole site. Over http (loopback) they carry
    the port, because cookies do not tell ports apart and two stacks on one machine must not sign each other out.
    """

    session: str
    attempt: str
    secure: bool

    @classmethod
    def of(cls, gateway_url: str) -> Self:
        """Return the cookies for the address browsers use."""
        parts = urlsplit(gateway_url)
        if parts.scheme == "https":
            return cls("__Host-rebalancer", "__Host-rebalancer-sign-in", secure=True)
        return cls(f"rebalancer-{parts.port or 80}", f"rebalancer-sign-in-{parts.port or 80}", secure=False)

    def session_of(self, request: Request) -> str | None:
        """Return the session id a browser sent."""
        return request.cookies.get(self.session)

    def attempt_of(self, request: Request) -> str | None:
        """Return the sealed sign-in attempt a browser sent."""
        return request.cookies.get(self.attempt)

    def set_session(self, response: Response, session_id: str) -> None:
        """Give the browser its session; it forgets it when it is closed."""
        self._set(response, self.session, session_id, None)

    def set_attempt(self, response: Response, sealed: str, ttl_s: int) -> None:
        """Give the browser its sign-in attempt."""
        self._set(response, self.attempt, sealed, ttl_s)

    def clear(self, response: Response, name: str) -> None:
        """Make the browser forget a cookie."""
        response.delete_cookie(name, path="/", secure=self.secure, httponly=True, samesite="lax")

    def _set(self, response: Response, name: str, value: str, ttl_s: int | None) -> None:
        response.set_cookie(name, value, max_age=ttl_s, path="/", secure=self.secure, httponly=True, samesite="lax")
