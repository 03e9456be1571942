"""Rows of saved views. Row-level security shows a user their own and those of their enterprises."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

import orjson
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

from shared.contracts.api_views import ViewBody
from shared.contracts.principal import Principal

_COLUMNS: Final[LiteralString] = "view_id, subject, owner_name, enterprise_id, list, name, content, version"
_MINE: Final[LiteralString] = (
    "(enterprise_id = ANY(%(enterprises)s::text[]) OR enterprise_id IS NULL AND subject = %(subject)s)"
)
_LIST: Final[LiteralString] = (
    f"SELECT {_COLUMNS} FROM saved_view WHERE list = %(list)s AND {_MINE} ORDER BY lower(name), view_id"  # noqa: S608  # constants
)
_FIND: Final[LiteralString] = f"SELECT {_COLUMNS} FROM saved_view WHERE view_id = %(view_id)s AND {_MINE}"  # noqa: S608  # constants
# Of the views among which a name may stand once: a user's own, or those shared in an enterprise.
_AMONG: Final[LiteralString] = (
    "list = %(list)s AND (CASE WHEN %(enterprise_id)s::text IS NULL"
    " THEN enterprise_id IS NULL AND subject = %(subject)s ELSE enterprise_id = %(enterprise_id)s::text END)"
)
_NAMED: Final[LiteralString] = f"SELECT {_COLUMNS} FROM saved_view WHERE {_AMONG} AND lower(name) = lower(%(name)s)"  # noqa: S608  # constants
_COUNT: Final[LiteralString] = f"SELECT count(*) FROM saved_view WHERE {_AMONG} AND view_id <> %(view_id)s"  # noqa: S608  # constants
# Until the end of the transaction nobody else adds to the same views.
_LOCK: Final[LiteralString] = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_INSERT: Final[LiteralString] = (
    "INSERT INTO saved_view (subject, owner_name, enterprise_id, list, name, content, version, changed_at) VALUES"  # noqa: S608  # constants
    " (%(subject)s, %(owner_name)s, %(enterprise_id)s, %(list)s, %(name)s, %(content)s, 1, %(now)s)"
    f" RETURNING {_COLUMNS}"
)
_UPDATE: Final[LiteralString] = (
    "UPDATE saved_view SET enterprise_id = %(enterprise_id)s, name = %(name)s, content = %(content)s,"  # noqa: S608  # constants
    " version = version + 1, changed_at = %(now)s WHERE view_id = %(view_id)s AND version = %(version)s"
    f" RETURNING {_COLUMNS}"
)


@dataclass(frozen=True)
class ViewRow:
    """A stored view.  subject: its owner; enterprise_id: whose people share it, None: nobody."""

    view_id: int
    subject: str
    owner_name: str
    enterprise_id: str | None
    list: str
    name: str
    content: dict[str, Any]
    version: int

    def holds(self, body: ViewBody) -> bool:
        """Whether it is what the body says already."""
        return (self.enterprise_id, self.list, self.name, self.content) == (
            body.shared_with, body.list, body.name, body.content.model_dump(mode="json")
        )  # fmt: skip


async def read_list(connection: AsyncConnection[TupleRow], principal: Principal, of_list: str) -> list[ViewRow]:
    """Return the views of a list that a user sees, by name."""
    return await _rows(connection, _LIST, _seen_by(principal) | {"list": of_list})


async def find(connection: AsyncConnection[TupleRow], principal: Principal, view_id: int) -> ViewRow | None:
    """Return a view that the user sees; None if there is none."""
    rows = await _rows(connection, _FIND, _seen_by(principal) | {"view_id": view_id})
    return rows[0] if rows else None


async def named(connection: AsyncConnection[TupleRow], owner: str, body: ViewBody) -> ViewRow | None:
    """Return the view that has the body's name among those where a name stands once; None if there is none."""
    rows = await _rows(connection, _NAMED, _among(owner, body))
    return rows[0] if rows else None


async def count_others(connection: AsyncConnection[TupleRow], owner: str, body: ViewBody, view_id: int = 0) -> int:
    """Return how many views stand beside this one; until the transaction ends nobody else adds any.

    owner: whose it is; view_id: of the view itself, 0: it is not stored yet.
    """
    await connection.execute(_LOCK, [f"{body.list} {body.shared_with} {'' if body.shared_with else owner}"])
    row = await (await connection.execute(_COUNT, _among(owner, body) | {"view_id": view_id})).fetchone()
    return 0 if row is None else int(row[0])


async def insert(connection: AsyncConnection[TupleRow], principal: Principal, body: ViewBody, now: datetime) -> ViewRow:
    """Add a view of the user and return it.  Raises psycopg.errors.UniqueViolation if its name is taken."""
    values = _among(principal.subject, body) | {"owner_name": principal.name, "content": _json(body), "now": now}
    return (await _rows(connection, _INSERT, values))[0]


async def update(
    connection: AsyncConnection[TupleRow], view: ViewRow, body: ViewBody, version: int, now: datetime
) -> ViewRow | None:
    """Replace a view that has this version; None if it has another.

    Raises psycopg.errors.UniqueViolation if its name is taken.
    """
    values = _among(view.subject, body) | {"content": _json(body), "now": now}
    rows = await _rows(connection, _UPDATE, values | {"view_id": view.view_id, "version": version})
    return rows[0] if rows else None


async def delete(connection: AsyncConnection[TupleRow], view_id: int, version: int) -> bool:
    """Delete a view that has this version, and return whether it had."""
    gone = await connection.execute("DELETE FROM saved_view WHERE view_id = %s AND version = %s", [view_id, version])
    return gone.rowcount == 1


def _seen_by(principal: Principal) -> dict[str, Any]:
    return {"subject": principal.subject, "enterprises": list(principal.enterprises)}


def _among(owner: str, body: ViewBody) -> dict[str, Any]:
    return {"subject": owner, "enterprise_id": body.shared_with, "list": body.list, "name": body.name}


def _json(body: ViewBody) -> str:
    return orjson.dumps(body.content.model_dump(mode="json")).decode()


async def _rows(connection: AsyncConnection[TupleRow], query: LiteralString, values: dict[str, Any]) -> list[ViewRow]:
    async with connection.cursor(row_factory=class_row(ViewRow)) as cursor:
        return await (await cursor.execute(query, values)).fetchall()
