"""Search over all accounts of a scope, whatever their state: by the beginnings of words, and by where they are.

What is listed is as the queue counts it (`store.queue`), so a list and a tile never differ about an account.
Source: product 3, 7.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.store.database import sees
from services.batch.store.queue import HELD, IN_BATCH, NEWEST, OPEN_BATCH, ROW, SETTLING
from services.batch.store.tables import ACCOUNT, ACCOUNT_WORD, FLAG, FLAG_DETAIL
from shared.contracts.codes import FlagState
from shared.contracts.query import ListedState
from shared.contracts.tenancy import Scope

_A, _D, _F, _W = ACCOUNT.c, FLAG_DETAIL.c, FLAG.c, ACCOUNT_WORD.c

STATES: Final[Mapping[ListedState, ColumnElement[bool]]] = {
    "HELD": HELD,
    "SETTLING": SETTLING,
    "IN_BATCH": IN_BATCH,
    "OFF": and_(_F.state == int(FlagState.OFF), NEWEST),
    "CLEAR": and_(_F.state == int(FlagState.CLEAR), NEWEST),
}
MOST_FOUND: Final = 1_000
"""Accounts of a search that are looked at: with more, the words are too few to tell them apart."""
MOST_LISTED: Final = 10_000
"""Accounts of a list without words that its pages reach."""
_LAST: Final = "\U0010ffff"  # behind every other character, in the order of the words' index

_FLAGGED = ACCOUNT.outerjoin(FLAG, _A.account_id == _F.account_id)


async def find(
    connection: AsyncConnection, scope: Scope, terms: Sequence[str], state: ListedState | None, page: int, size: int
) -> tuple[Sequence[Row[Any]], int, bool]:
    """Return rows of a page (from 1) in the order of numbers, how many rows all pages hold, and whether more match.

    terms: an account has a word that begins with each of them, in any case.  Where more match than MOST_FOUND, the
    pages hold that many of them, and not always the same.
    """
    most = MOST_FOUND if terms else MOST_LISTED
    matching = [sees(scope, ACCOUNT), *[_begins(scope, term) for term in terms]]
    if state is not None:
        matching.append(STATES[state])
    counted = select(_A.account_id).select_from(_FLAGGED).where(*matching).limit(most + 1)
    number = int((await connection.execute(select(func.count()).select_from(counted.subquery()))).scalar_one())
    total = min(number, most)
    wanted = min(size, total - (page - 1) * size)
    if wanted <= 0:
        return (), total, number > most
    if terms:  # a search looks at no more than it counted, in whatever order they were found
        matching = [sees(scope, ACCOUNT), _A.account_id.in_(counted.limit(most))]
    query: Select[Any] = (
        select(*ROW, _D.hold_text, OPEN_BATCH)
        .select_from(
            _FLAGGED.outerjoin(
                FLAG_DETAIL, and_(_D.account_id == _F.account_id, _D.flag_version == _F.flag_version, HELD)
            )
        )
        .where(*matching)
        .order_by(_A.account_number, _A.account_id)
        .limit(wanted)
        .offset((page - 1) * size)
    )
    return (await connection.execute(query)).all(), total, number > most


def _begins(scope: Scope, term: str) -> ColumnElement[bool]:
    """Return the predicate that a word of the account begins with the term."""
    first = func.lower(term)
    having = select(_W.account_id).where(sees(scope, ACCOUNT_WORD), _W.word >= first, _W.word < first.concat(_LAST))
    return _A.account_id.in_(having)
