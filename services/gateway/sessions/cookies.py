"""The cookies of the session and of a sign-in attempt; their names and flags follow from the address of the gateway."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from fastapi import Request, Response


@dataclass(frozen=True)
class Cookies:
    """Names and flags of the two cookies.

    Over https the names have the __Host- prefix, which binds the cookie to this host and to https. Over http (loopback)
    they contain the port: cookies are shared by all ports of a host, and two stacks on one machine must stay apart.
    """

    session: str
    attempt: str
    secure: bool

    @classmethod
    def of(cls, gateway_url: str) -> Self:
        """Return the cookies for the address that browsers open."""
        address = urlsplit(gateway_url)
        if address.scheme == "https":
            return cls("__Host-rebalancer", "__Host-rebalancer-sign-in", secure=True)
        return cls(f"rebalancer-{address.port or 80}", f"rebalancer-sign-in-{address.port or 80}", secure=False)

    def session_of(self, request: Request) -> str | None:
        """Return the session id a browser sent."""
        return request.cookies.get(self.session)

    def attempt_of(self, request: Request) -> str | None:
        """Return the sealed sign-in attempt a browser sent."""
        return request.cookies.get(self.attempt)

    def set_session(self, response: Response, session_id: str) -> None:
        """Set the session cookie, which lasts until the browser is closed."""
        self._set(response, self.session, session_id, None)

    def set_attempt(self, response: Response, sealed: str, ttl_s: int) -> None:
        """Set the cookie of a sign-in attempt."""
        self._set(response, self.attempt, sealed, ttl_s)

    def clear(self, response: Response, name: str) -> None:
        """Delete a cookie."""
        response.delete_cookie(name, path="/", secure=self.secure, httponly=True, samesite="lax")

    def _set(self, response: Response, name: str, value: str, ttl_s: int | None) -> None:
        response.set_cookie(name, value, max_age=ttl_s, path="/", secure=self.secure, httponly=True, samesite="lax")
