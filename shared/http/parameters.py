"""Parameters of the API's routes: the gateway and the service behind it declare the same ones, so both refuse the same.

A value that does not fit is refused with 422 before any handler runs (shared.http.app).  Source: product 7.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from fastapi import Header, Path, Query

from shared.contracts.filter_fields import BATCH_FIELDS, HISTORY_FIELDS, QUEUE_FIELDS, FieldKind
from shared.contracts.query import LARGEST_ID, ClauseText, ListedState, SearchText, TileChoiceName, Whole
from shared.contracts.types import Identity

USUAL_PAGE_SIZE: Final = 200
_MAX_PAGE: Final = 1_000_000
_MAX_PAGE_SIZE: Final = 1000
_MAX_TILES: Final = 20
_MAX_CLAUSES: Final = 20


def _clauses(fields: Mapping[str, FieldKind]) -> Any:
    """Return the parameter `f` of a list that filters by `fields`."""
    return Query(
        max_length=_MAX_CLAUSES,
        description="Filter clauses `field.op.value`, op of eq, gte, lte, in (values joined by `|`); all must hold."
        " Texts match whatever their case; a number that is not known meets none; `eq` of a number means what is shown,"
        " rounded half away from zero: `eq.100` in whole dollars, `eq.100.00` to the cent, `eq.0.125` in tenths of a"
        " percent.",
        json_schema_extra={"x-fields": {name: kind.name.lower() for name, kind in fields.items()}},
    )


Tiles = Annotated[
    list[TileChoiceName] | None, Query(max_length=_MAX_TILES, description="Only accounts with all of these tiles.")
]
QueueClauses = Annotated[list[ClauseText] | None, _clauses(QUEUE_FIELDS)]
BatchClauses = Annotated[list[ClauseText] | None, _clauses(BATCH_FIELDS)]
HistoryClauses = Annotated[list[ClauseText] | None, _clauses(HISTORY_FIELDS)]
HistorySearch = Annotated[
    SearchText,
    Query(description="Number of a batch, or part of its label, its note, or a name of who asked or decided."),
]
SearchParameter = Annotated[SearchText, Query(description="Part of an account's number or name.")]
WordsParameter = Annotated[
    SearchText,
    Query(description="Beginnings of words of an account's number, name, advisor or household; all must be there."),
]
WorkState = Annotated[
    ListedState | None,
    Query(
        description="Only accounts that are held, settling, in a request that is not decided, switched off, or in"
        " tolerance; a held or settling account may be in a request too."
    ),
]
Sort = Annotated[str | None, Query(max_length=60, description="Field to sort by; a leading `-` sorts downwards.")]
Page = Annotated[Whole, Query(ge=1, le=_MAX_PAGE, description="Page, from 1.")]
PageSize = Annotated[Whole, Query(ge=1, le=_MAX_PAGE_SIZE, description="Rows of a page.")]
BatchState = Annotated[Literal["open", "history"], Query(description="Those that await a decision, or those decided.")]
FileFormat = Annotated[Literal["csv", "xlsx"], Query(description="Form of the file.")]
OnlyCheck = Annotated[
    Literal["true", "false"],
    Query(description="true: do not make the file, only say (204) that it could be made now, or why not."),
]
AccountPath = Annotated[Identity, Path(description="Account id.")]
BatchPath = Annotated[Whole, Path(ge=1, le=LARGEST_ID, description="Batch id.")]
SecurityPath = Annotated[Identity, Path(description="Security id.")]
FilePath = Annotated[Whole, Path(ge=1, le=LARGEST_ID, description="File id.")]
FileName = Annotated[str, Query(min_length=1, max_length=200, description="Name of the file as the custodian gave it.")]
# Optional here: the service that owns the batch refuses a missing header with a code of its own.
IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", max_length=200, description="Same key, same command: a retry acts only once."),
]
IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=40, description='Version of the batch that was seen, e.g. "7".')
]
