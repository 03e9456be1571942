"""The audit record of a request: who, with which rights, did or saw what, when, and how it ended.

Ids only: no amounts and no names of people; filters and search texts, which may hold both, stay out.
Source: decision 17.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

RequestOutcome = Literal["ASKED", "DONE", "REFUSED", "FAILED", "UNKNOWN"]

NO_CLIENT_DATA: Final = frozenset({"get_me", "stream_events", "count_tiles", "get_latest_run", "list_views"})
"""Reads that show no account: they are recorded only when they are refused."""
FILES: Final = frozenset(
    {
        "export_queue", "export_batch_accounts", "export_batch_trades", "export_history", "export_orders",
        "export_block_orders",
    }
)  # fmt: skip
"""Reads whose response is a file: recorded when it begins, and again when it has ended or was cut off."""
_ABSENT: Final = 404
_RECORDED: Final = (
    "expected_count", "logic", "confirm_liquidation", "expected_liquidations", "leave_out_no_target",
    "list", "shared_with",
)  # fmt: skip


@dataclass(frozen=True)
class Record:
    """One record. ids: the accounts, batches, files or users concerned; more: further facts, by name."""

    at: datetime
    action: str
    outcome: RequestOutcome
    subject: str | None = None
    roles: Sequence[str] = ()
    enterprises: Sequence[str] = ()
    ids: Sequence[str] = ()
    status: int | None = None
    request_id: str | None = None
    address: str | None = None
    more: Mapping[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        """Return the record as it is stored; its time is text of fixed length, so that it sorts."""
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


def outcome_of(status: int, *, is_known: bool = True) -> RequestOutcome:
    """Return how a request ended, by the status of its response (499: the client disconnected before it).

    is_known: whether the response states if a command was carried out.
    """
    if not is_known:
        return "UNKNOWN"
    if status < 400:
        return "DONE"
    return "FAILED" if status >= 499 else "REFUSED"


def is_recorded(method: str, operation: str, status: int) -> bool:
    """Whether the outcome of a request is recorded: commands, reads of client data, and refusals."""
    if method != "GET":
        return True
    if status in (401, 403, _ABSENT):
        return True
    if operation in FILES:
        return status == 200  # 204: it was only asked whether the file could be made
    return status < 300 and operation not in NO_CLIENT_DATA


def is_file(operation: str, status: int) -> bool:
    """Whether a response is a file that is made while it is sent."""
    return operation in FILES and status == 200


def selected(body: Any) -> tuple[list[str], dict[str, Any]]:
    """Return the ids that a command's body names, and its other recorded fields.

    Nothing is recorded of a body of another form: a command without a body may have been sent with anything.
    """
    selection = body.get("selection") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(selection, Mapping | None):
        return [], {}
    selection = selection or {}
    more = {name: body[name] for name in _RECORDED if name in body}
    if selection.get("kind") == "matching":
        more |= {"selection": "matching", "tiles": selection.get("tiles", []), "except": selection.get("exclude", [])}
    return list(selection.get("ids", ())), more
