"""Which role may use which operation of the API. What is not in the table is refused.

Source: product 6 and 7 (commands), api.Principal (roles).
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

Role = Literal["viewer", "trader", "approver", "admin", "auditor"]

EVERYBODY: Final[frozenset[Role]] = frozenset({"viewer", "trader", "approver", "admin", "auditor"})
TRADER: Final[frozenset[Role]] = frozenset({"trader"})
APPROVER: Final[frozenset[Role]] = frozenset({"approver"})

RULES: Final[Mapping[str, frozenset[Role]]] = {
    "get_me": EVERYBODY,
    "stream_events": EVERYBODY,
    "list_queue": EVERYBODY,
    "count_tiles": EVERYBODY,
    "get_account": EVERYBODY,
    "get_positions": EVERYBODY,
    "list_batches": EVERYBODY,
    "get_batch": EVERYBODY,
    "list_batch_accounts": EVERYBODY,
    "get_batch_account": EVERYBODY,
    "list_files": EVERYBODY,
    "get_file": EVERYBODY,
    "get_latest_run": EVERYBODY,
    "propose_batch": TRADER,
    "remove_accounts": TRADER,
    "switch_logic": TRADER,
    "repropose_accounts": TRADER,
    "upload_file": TRADER,
    "start_run": TRADER,
    "approve_batch": APPROVER,
    "cancel_batch": TRADER | APPROVER,
}


def roles_for(operation: str) -> frozenset[Role]:
    """Return the roles that may use an operation; none when it is not in the table."""
    return RULES.get(operation, frozenset())


def may(roles: Iterable[str], operation: str) -> bool:
    """Say whether somebody with these roles may use the operation."""
    return not roles_for(operation).isdisjoint(roles)
