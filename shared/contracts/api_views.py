"""The HTTP API of saved views: filter, order and layout of a list under a name, of one user or shared.

A view is replaced or deleted with If-Match and its version.  Source: product 7.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from shared.contracts.query import ClauseText, SearchText, TileChoiceName
from shared.contracts.types import Identity, OutboundModel, shown_text

ViewListName = Literal["queue", "request", "history"]
ViewName = Annotated[
    str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True), AfterValidator(shown_text)
]
ColumnName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
SortText = Annotated[str, StringConstraints(pattern=r"^-?[a-z0-9_]{1,40}$")]


class ViewLayout(OutboundModel):
    """Columns from left to right, and those of them that are not shown."""

    order: Annotated[list[ColumnName], Field(max_length=100)]
    hidden: Annotated[list[ColumnName], Field(max_length=100)]


class ViewContent(OutboundModel):
    """What a view brings back.  sort: None is the list's own order; layout: None leaves the columns as they are."""

    tiles: Annotated[list[TileChoiceName], Field(max_length=20)] = Field(default_factory=list)
    f: Annotated[list[ClauseText], Field(max_length=20)] = Field(default_factory=list)
    q: SearchText = ""
    sort: SortText | None = None
    layout: ViewLayout | None = None


class ViewBody(OutboundModel):
    """A view to be stored.  shared_with: the enterprise whose people all see it; None: only its owner does."""

    list: ViewListName
    name: ViewName
    shared_with: Identity | None = None
    content: ViewContent


class SavedView(OutboundModel):
    """A stored view.  owner: name of the user who made it; is_mine, may_change: of the user who asks."""

    view_id: int
    version: int
    list: ViewListName
    name: str
    owner: str
    is_mine: bool
    may_change: bool
    shared_with: Identity | None
    content: ViewContent


class SavedViewList(OutboundModel):
    """A user's own views of a list and those shared with them, by name."""

    rows: list[SavedView]
