"""Saved views: listed, saved, changed, deleted. The gateway keeps them itself."""

import re
from typing import Annotated, Final

from fastapi import Header, Path, Query, Request, Response

from services.gateway.dependencies import dependencies_of
from services.gateway.routes.door import SignedInUser
from shared.contracts.api_views import SavedView, SavedViewList, ViewBody, ViewListName
from shared.contracts.problems import BadInput, VersionMissing
from shared.contracts.query import LARGEST_ID, Whole
from shared.http import routing

router = routing.router(prefix="/api/v1/views", tags=["views"])
ViewPath = Annotated[Whole, Path(ge=1, le=LARGEST_ID, description="Id of a saved view.")]
OfList = Annotated[ViewListName, Query(alias="list", description="List whose views are asked for.")]
IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=40, description='Version of the view that was seen, e.g. "7".')
]
_VERSION: Final = re.compile(r'"?([0-9]{1,9})"?')


@router.get("", operation_id="list_views")
async def list_views(request: Request, caller: SignedInUser, of_list: OfList) -> SavedViewList:
    """List the user's saved views of a list, and those that are shared with the user, by name."""
    return await dependencies_of(request).saved_views.visible(caller.principal, of_list)


@router.post("", operation_id="save_view", status_code=201)
async def save_view(request: Request, response: Response, caller: SignedInUser, body: ViewBody) -> SavedView:
    """Save a view; what is there already in every respect is returned as it is."""
    dependencies = dependencies_of(request)
    await dependencies.recorder.record_command(request, await request.body())
    view = await dependencies.saved_views.save(caller.principal, body)
    response.headers["Location"] = f"/api/v1/views/{view.view_id}"
    return view


@router.put("/{view_id}", operation_id="change_view")
async def change_view(
    request: Request, caller: SignedInUser, view_id: ViewPath, body: ViewBody, if_match: IfMatch = None
) -> SavedView:
    """Replace name, sharing and content of a view. For its owner; a shared one for administrators too."""
    dependencies = dependencies_of(request)
    version = _version_in(if_match)
    await dependencies.recorder.record_command(request, await request.body())
    return await dependencies.saved_views.change(caller.principal, view_id, version, body)


@router.delete("/{view_id}", operation_id="delete_view", status_code=204)
async def delete_view(request: Request, caller: SignedInUser, view_id: ViewPath, if_match: IfMatch = None) -> None:
    """Delete a view. For its owner; a shared one for administrators too."""
    dependencies = dependencies_of(request)
    version = _version_in(if_match)
    await dependencies.recorder.record_command(request)
    await dependencies.saved_views.delete(caller.principal, view_id, version)


def _version_in(if_match: str | None) -> int:
    """Return the version of an If-Match header.  Raises VersionMissing without one, BadInput for anything else."""
    if if_match is None:
        raise VersionMissing(
            "It is not known which version of the view you saw, so nothing was done. Load the page again, then repeat"
            " it.",
            hint='send If-Match with the version of the view, e.g. If-Match: "7"',
        )
    found = _VERSION.fullmatch(if_match)
    if found is None:
        raise BadInput(
            "It is not known which version of the view you saw, so nothing was done. Load the page again, then repeat"
            " it.",
            errors=[{"pointer": "/header/If-Match", "detail": "is no version of a view"}],
        )
    return int(found[1])
