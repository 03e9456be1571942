"""The problems of the API: one class per refusal, rendered as application/problem+json (RFC 9457)."""

from collections.abc import Mapping
from typing import Any, ClassVar


class Problem(Exception):
    """A refusal that the caller can act on.

    detail: for the person at the screen: what, why and what to do; extra: more fields of the JSON body, among them
    `hint` and `errors`, for whoever writes the program that asked.

    Services raise subclasses; shared.http.app renders them with their status and stable `type` /problems/<code>.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    title: ClassVar[str] = "The request cannot be done"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra: Mapping[str, Any] = extra

    def body(self, instance: str = "") -> dict[str, Any]:
        """Return the problem document."""
        document = {
            "type": f"/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if instance:
            document["instance"] = instance
        return document | dict(self.extra)

    def headers(self) -> dict[str, str]:
        """Return the headers of the response: Retry-After where a retry helps."""
        if self.status not in (429, 503):
            return {}
        return {"Retry-After": str(self.extra.get("retry_after_s", 2))}


class BadInput(Problem):
    status, code, title = 422, "bad_input", "A value is not valid"


class BadBody(Problem):
    status, code, title = 400, "bad_body", "What was sent cannot be read"

    def __init__(self) -> None:
        super().__init__(
            "What was sent cannot be read, and nothing was done. Load the page again and repeat it; if it goes on, tell"
            " the help desk.",
            errors=[{"pointer": "/body", "detail": "it is no JSON in UTF-8, or nested too deeply"}],
        )


class BadHead(Problem):
    status, code, title = 400, "bad_head", "What was sent cannot be read"

    def __init__(self) -> None:
        super().__init__(
            "What was sent cannot be read. Nothing was done. Load the page again; if it goes on, tell the help desk.",
            hint="what came is no HTTP/1.1 request; the connection is closed",
        )


class NotSignedIn(Problem):
    status, code, title = 401, "not_signed_in", "Sign in first"


class Forbidden(Problem):
    status, code, title = 403, "forbidden", "You may not do this"


class NotFound(Problem):
    status, code, title = 404, "not_found", "There is no such thing, or it is not yours to see"


class Conflict(Problem):
    status, code, title = 409, "conflict", "The state has changed"


class CountChanged(Conflict):
    code, title = "count_changed", "The number of accounts has changed"


class VersionChanged(Problem):
    status, code, title = 412, "version_changed", "This has changed since it was displayed"


class VersionMissing(Problem):
    status, code, title = 428, "version_missing", "It is not known which version you saw"


class IdempotencyKeyMissing(Problem):
    status, code, title = 400, "idempotency_key_missing", "This could have been done twice"

    def __init__(self) -> None:
        super().__init__(
            "The command came without the mark that keeps it from being done twice, so nothing was done. Load the page"
            " again, then give it once more.",
            hint="send an Idempotency-Key header, a new one (e.g. a UUID) for every new command",
        )


class KeyReused(Problem):
    status, code, title = 422, "idempotency_key_reused", "This was sent as a repetition of something else"


class TooManyConnections(Problem):
    status, code, title = 429, "too_many_connections", "Too much is open from your address"


class Unavailable(Problem):
    status, code, title = 503, "unavailable", "A part of the system is away for a moment"


class OurFault(Problem):
    status, code, title = 500, "our_fault", "A fault of the Rebalancer keeps this from being done"
