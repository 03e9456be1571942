"""Who may change a saved view, and how many and how large ones there may be."""

from typing import Final

from shared.contracts.api_views import ViewBody
from shared.contracts.principal import Principal
from shared.contracts.problems import BadInput, Forbidden, NotFound

MOST_OF_A_LIST: Final = 100
"""Views of one list that a user may have, and as many that are shared in an enterprise: a menu is read at a glance."""
LARGEST_BYTES: Final = 20_000
"""Of a view's content as JSON: an address with it must still fit where browsers and proxies take it."""


def may_change(principal: Principal, owner: str, shared_with: str | None) -> bool:
    """Whether a user may replace or delete a view: its owner may, and an administrator one that is shared."""
    return principal.subject == owner or (shared_with is not None and "admin" in principal.roles)


def check_change(principal: Principal, owner: str, owner_name: str, shared_with: str | None) -> None:
    """Raise Forbidden if the user may not replace or delete the view."""
    if not may_change(principal, owner, shared_with):
        raise Forbidden(
            f"This view was saved by {owner_name}: only {owner_name} or an administrator can change it. Save a view of"
            " your own under another name."
        )


def check_body(principal: Principal, body: ViewBody) -> None:
    """Raise NotFound if a view is to be shared with an enterprise of others, BadInput if it is too large."""
    if body.shared_with is not None and body.shared_with not in principal.enterprises:
        raise NotFound(f"There is no enterprise {body.shared_with} to share it with, or it is not yours to see.")
    if len(body.content.model_dump_json().encode()) > LARGEST_BYTES:
        raise BadInput(
            "The filters of this view name too many values to be saved, so nothing was saved. Take some of them away,"
            " then save it again.",
            errors=[{"pointer": "/body/content", "detail": f"is larger than {LARGEST_BYTES} bytes"}],
        )


def too_many(shared_with: str | None) -> str:
    """Return why no further view can be saved, and what to do."""
    whose = "You have" if shared_with is None else f"{shared_with} shares"
    return (
        f"{whose} {MOST_OF_A_LIST} saved views of this list, the most there can be. Delete one that is no longer used,"
        " then save this one."
    )


def name_taken(name: str, shared_with: str | None) -> str:
    """Return why a view cannot have this name, and what to do."""
    where = "You have a view of this list" if shared_with is None else f"{shared_with} shares a view of this list"
    return f"{where} under the name “{name}” already. Choose another name, or change that view."
