"""On whose behalf the database is read or written: a scope, entered once a transaction.

The role that serves requests sees the rows of the scope its transaction entered and no others; queries carry the same
predicate explicitly, for plans and as a second lock on the door. A scope is sealed with a key that this role cannot
read, so a statement that was smuggled into a request cannot widen it.  Source: architecture "Tenancy"; the policies:
shared/postgres/migrations/security.py.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import orjson

from shared.contracts.principal import Principal
from shared.contracts.problems import Unavailable

# The same rule as the policies', for queries of one enterprise and advisor; give it Scope.parameters().
MINE: Final[LiteralString] = (
    "(enterprise_id = ANY(%(enterprises)s::text[])"
    " AND (%(advisors)s::text[] IS NULL OR advisor_id = ANY(%(advisors)s::text[])))"
)
# Local to the transaction: the next one on the same connection begins with none.
ENTER: Final[LiteralString] = "SELECT set_config('app.scope', %s, true)"
# With the role that works, in the service's schema.
READ_KEY: Final[LiteralString] = "SELECT key FROM scope_key"
# Every role a session could become by SET ROLE, itself among them.
WHAT_ROLE_MAY: Final[LiteralString] = (
    "SELECT session_user, bool_or(r.rolsuper), bool_or(r.rolbypassrls), count(*) > 1,"
    " bool_or(EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid AND c.relpersistence <> 't')),"
    " bool_or(EXISTS (SELECT FROM pg_policy p WHERE r.oid = ANY (p.polroles)"
    " AND pg_get_expr(p.polqual, p.polrelid) = 'true'))"
    " FROM pg_roles r WHERE pg_has_role(session_user, r.oid, 'MEMBER')"
)
_TOO_MUCH: Final = (
    "is a superuser",
    "passes by row-level security (BYPASSRLS)",
    "may become another role",
    "owns tables",
    "is shown all rows by a policy",
)


@dataclass(frozen=True)
class Scope:
    """On whose behalf a transaction runs.

    advisors None: all advisors of the enterprises; service: everything, for the work of events; session: the hash of
    the id that a browser showed, in hex, at the door only.
    """

    subject: str
    enterprises: tuple[str, ...] = ()
    advisors: tuple[str, ...] | None = ()
    service: bool = False
    session: str = ""

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


class RoleMayTooMuch(Unavailable):
    """The role that serves requests could pass by row-level security: nobody is served with it."""

    code, title = "role_may_too_much", "The database is not set up safely"


def scope_of(principal: Principal) -> Scope:
    """Return what a principal may see."""
    advisors = None if principal.advisors is None else tuple(principal.advisors)
    return Scope(principal.subject, tuple(principal.enterprises), advisors)


def sealed(scope: Scope, key: bytes) -> str:
    """Return the scope as the setting `app.scope` holds it: HMAC-SHA256 in hex, then the scope as JSON.

    Raises ValueError for the scope of the service itself: no transaction of a request may have it.
    """
    if scope.service:
        raise ValueError("the scope of the service is not for requests; use the role that works")
    content = {
        "subject": scope.subject,
        "session": scope.session,
        "enterprises": scope.enterprises,
        "all_advisors": scope.advisors is None,
        "advisors": scope.advisors or (),
    }
    body = orjson.dumps(content)
    return hmac.new(key, body, hashlib.sha256).hexdigest() + body.decode()


def check_role(row: Any) -> None:
    """Look at the row WHAT_ROLE_MAY answers with.  Raises RoleMayTooMuch unless row-level security binds the role."""
    name, *may = row
    found = [what for what, is_so in zip(_TOO_MUCH, may, strict=True) if is_so]
    if found:
        raise RoleMayTooMuch(
            f"the database role {name} {' and '.join(found)}: requests are served only with a role that row-level"
            " security binds (REBALANCER_REQUESTS_DATABASE_URL; deploy/roles.py makes such roles)"
        )
