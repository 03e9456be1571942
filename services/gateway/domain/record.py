"""What the audit log says of a request: who, as what, did or saw which thing, when, and how it ended.

Ids only: no amounts and no names of people; filters and search texts, which may hold both, stay out.
Source: operations 4.4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

Outcome = Literal["ASKED", "DONE", "REFUSED", "FAILED", "UNKNOWN"]

NO_CLIENT_DATA: Final = frozenset({"get_me", "stream_events", "count_tiles", "get_latest_run"})
"""Reads that show no account: they are recorded only when they are refused."""
_ABSENT: Final = 404


@dataclass(frozen=True)
class Record:
    """One record. ids: accounts, batches, files, users it is about; more: what else is worth knowing of it."""

    at: datetime
    action: str
    outcome: Outcome
    subject: str | None = None
    roles: Sequence[str] = ()
    enterprises: Sequence[str] = ()
    ids: Sequence[str] = ()
    status: int | None = None
    request_id: str | None = None
    address: str | None = None
    more: Mapping[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        """Return the record as it is kept; its time is text of one length, so that it sorts."""
        return {
            "at": self.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "action": self.action,
            "outcome": self.outcome,
            "subject": self.subject,
            "roles": list(self.roles),
            "enterprises": list(self.enterprises),
            "ids": list(self.ids),
            "status": self.status,
            "request_id": self.request_id,
            "address": self.address,
            **({"more": dict(self.more)} if self.more else {}),
        }


def outcome_of(status: int, *, is_known: bool = True) -> Outcome:
    """Return how a request ended, by the status of its answer (499: the asker hung up, what happened is not known).

    is_known: whether the answer says if a command was carried out.
    """
    if not is_known:
        return "UNKNOWN"
    if status < 400:
        return "DONE"
    return "FAILED" if status >= 499 else "REFUSED"


def is_recorded(method: str, operation: str, status: int) -> bool:
    """Say whether the end of a request is recorded: commands, reads of client data, and whatever is refused."""
    if method != "GET":
        return True
    if status in (401, 403, _ABSENT):
        return True
    return status < 300 and operation not in NO_CLIENT_DATA


def selected(body: Any) -> tuple[list[str], dict[str, Any]]:
    """Return the ids that a command's body names, and what else of it is recorded.

    Of a command that takes no body anything may have been sent with it; none of that is recorded.
    """
    selection = body.get("selection") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(selection, Mapping | None):
        return [], {}
    selection = selection or {}
    more = {name: body[name] for name in ("expected_count", "logic", "confirm_liquidation") if name in body}
    if selection.get("kind") == "matching":
        more |= {"selection": "matching", "tiles": selection.get("tiles", []), "except": selection.get("exclude", [])}
    return list(selection.get("ids", ())), more
