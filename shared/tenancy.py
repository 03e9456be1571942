"""On whose behalf the database is read or written: a scope, entered once a transaction.

Row-level security shows a transaction the rows of its scope and no others; queries carry the same predicate
explicitly, for plans and as a second lock on the door.  Source: architecture "Tenancy".
"""

from dataclasses import dataclass
from typing import Any, Final, LiteralString

from psycopg import AsyncConnection, Connection

from shared.contracts.api import Principal

# The same rule as the policies', for queries of one enterprise and advisor; give it Scope.parameters().
MINE: Final[LiteralString] = (
    "(enterprise_id = ANY(%(enterprises)s::text[])"
    " AND (%(advisors)s::text[] IS NULL OR advisor_id = ANY(%(advisors)s::text[])))"
)
# Local to the transaction: the next one on the same connection begins with none.
_ENTER: Final[LiteralString] = (
    "SELECT set_config('app.subject', %(subject)s, true),"
    " set_config('app.enterprises', %(enterprises)s::text[]::text, true),"
    " set_config('app.all_advisors', CASE WHEN %(advisors)s::text[] IS NULL THEN 'on' ELSE 'off' END, true),"
    " set_config('app.advisors', coalesce(%(advisors)s::text[], '{}')::text, true)"
)


@dataclass(frozen=True)
class Scope:
    """On whose behalf a transaction runs. advisors None: all advisors of the enterprises. service: everything."""

    subject: str
    enterprises: tuple[str, ...] = ()
    advisors: tuple[str, ...] | None = ()
    service: bool = False

    def covers(self, enterprise_id: str, advisor_id: str) -> bool:
        """Say whether what belongs to this enterprise and advisor may be seen."""
        if self.service:
            return True
        return enterprise_id in self.enterprises and (self.advisors is None or advisor_id in self.advisors)

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of MINE: enterprises, advisors (None: all), subject."""
        advisors = None if self.advisors is None else list(self.advisors)
        return {"enterprises": list(self.enterprises), "advisors": advisors, "subject": self.subject}


SYSTEM: Final = Scope("system", service=True)


def scope_of(principal: Principal) -> Scope:
    """Return what a principal may see."""
    advisors = None if principal.advisors is None else tuple(principal.advisors)
    return Scope(principal.subject, tuple(principal.enterprises), advisors)


def enter(connection: Connection[Any], scope: Scope) -> None:
    """Put the connection's transaction into the scope of a user; it ends with the transaction."""
    connection.execute(_ENTER, scope.parameters())


async def enter_async(connection: AsyncConnection[Any], scope: Scope) -> None:
    """Put the connection's transaction into the scope of a user; it ends with the transaction."""
    await connection.execute(_ENTER, scope.parameters())
