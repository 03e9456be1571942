"""Which role may use which operation of the API, in the gateway and in the service behind it.

An operation that is not in the table is refused, and an app with such a route cannot be built (shared.http.routing). A
role applies to the enterprises and advisors granted with it.  Source: product 6 and 7 (commands).
"""

from collections.abc import Iterable, Mapping
from typing import Final, get_args

from shared.contracts.principal import RoleName

EVERYBODY: Final[frozenset[RoleName]] = frozenset(get_args(RoleName))
TRADER: Final[frozenset[RoleName]] = frozenset({"trader"})
APPROVER: Final[frozenset[RoleName]] = frozenset({"approver"})
OPERATOR: Final[frozenset[RoleName]] = frozenset({"operator"})
SEE_OPERATIONS: Final[frozenset[RoleName]] = frozenset({"admin"})
"""Who may see the gateway's page `/ops`, which is no operation of the API and shows nothing of any tenant."""

RULES: Final[Mapping[str, frozenset[RoleName]]] = {
    "get_me": EVERYBODY,
    "stream_events": EVERYBODY,
    "list_queue": EVERYBODY,
    "count_tiles": EVERYBODY,
    "find_accounts": EVERYBODY,
    "get_account": EVERYBODY,
    "get_positions": EVERYBODY,
    "list_batches": EVERYBODY,
    "get_batch": EVERYBODY,
    "list_batch_accounts": EVERYBODY,
    "get_batch_account": EVERYBODY,
    "list_trades": EVERYBODY,
    "list_security_trades": EVERYBODY,
    "compare_logics": EVERYBODY,
    "export_orders": EVERYBODY,
    "export_block_orders": EVERYBODY,
    "check_history": APPROVER | OPERATOR | frozenset({"auditor"}),
    "export_queue": EVERYBODY,
    "export_batch_accounts": EVERYBODY,
    "export_batch_trades": EVERYBODY,
    "export_history": EVERYBODY,
    "list_files": EVERYBODY,
    "get_file": EVERYBODY,
    "get_latest_run": EVERYBODY,
    "list_views": EVERYBODY,
    "save_view": EVERYBODY,
    "change_view": EVERYBODY,  # a view of one's own; the gateway lets administrators change shared ones too
    "delete_view": EVERYBODY,
    "propose_batch": TRADER,
    "remove_accounts": TRADER,
    "undo_removal": TRADER,
    "switch_logic": TRADER,
    "repropose_accounts": TRADER,
    "edit_trades": TRADER,
    "upload_file": OPERATOR,
    "start_run": OPERATOR,
    "approve_batch": APPROVER,
    "approve_rest": APPROVER,  # and TRADER, because it also removes: the service asks for both
    "cancel_batch": TRADER | APPROVER,
}


def roles_for(operation: str | None) -> frozenset[RoleName]:
    """Return the roles that may use an operation; none if it is not in the table."""
    return RULES.get(operation or "", frozenset())


def may(roles: Iterable[str], operation: str | None) -> bool:
    """Whether a user with these roles may use the operation."""
    return not roles_for(operation).isdisjoint(roles)
