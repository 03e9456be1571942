"""The scope in which the database is read or written, entered once per transaction.

The role that serves requests sees only rows of the scope that its transaction entered.  Queries also contain the same
predicate, for better plans and as a second protection.  A scope is sealed with a key that this role cannot read, so an
injected statement cannot widen it.  Source: architecture "Tenancy"; policies: shared/postgres/migrations/security.py.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import orjson

from shared.contracts.principal import Principal
from shared.contracts.problems import Unavailable

# The rule of the policies, for queries of rows with one enterprise and advisor; its parameters: Scope.parameters().
MINE: Final[LiteralString] = (
    "(enterprise_id = ANY(%(enterprises)s::text[])"
    " AND (%(advisors)s::text[] IS NULL OR advisor_id = ANY(%(advisors)s::text[])))"
)
# Local to the transaction: the next one on the connection starts without a scope.
ENTER: Final[LiteralString] = "SELECT set_config('app.scope', %s, true)"
# Run by the service's own role, in its schema.
READ_KEY: Final[LiteralString] = "SELECT key FROM scope_key"
# Rights of every role that the session could assume by SET ROLE, including its own.
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

    advisors: None means all advisors of the enterprises; service: no restriction, for work on events; session: hash of
    the browser's session id, in hex, in the gateway only.
    """

    subject: str
    enterprises: tuple[str, ...] = ()
    advisors: tuple[str, ...] | None = ()
    service: bool = False
    session: str = ""

    def covers(self, enterprise_id: str, advisor_id: str) -> bool:
        """Say whether rows of this enterprise and advisor are visible in the scope."""
        if self.service:
            return True
        return enterprise_id in self.enterprises and (self.advisors is None or advisor_id in self.advisors)

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of MINE: enterprises, advisors (None: all), subject."""
        advisors = None if self.advisors is None else list(self.advisors)
        return {"enterprises": list(self.enterprises), "advisors": advisors, "subject": self.subject}


SYSTEM: Final = Scope("system", service=True)


class RoleMayTooMuch(Unavailable):
    """The role that serves requests could bypass row-level security; no request is served with it."""

    code, title = "role_may_too_much", "The database is not set up safely"


def scope_of(principal: Principal) -> Scope:
    """Return the scope of a principal."""
    advisors = None if principal.advisors is None else tuple(principal.advisors)
    return Scope(principal.subject, tuple(principal.enterprises), advisors)


def sealed(scope: Scope, key: bytes) -> str:
    """Return the scope as a value of the setting `app.scope`: HMAC-SHA256 in hex, then the scope as JSON.

    Raises ValueError for the scope of the service itself, which no transaction of a request may have.
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
    """Check a row of WHAT_ROLE_MAY.  Raises RoleMayTooMuch unless row-level security binds the role."""
    name, *may = row
    found = [what for what, is_so in zip(_TOO_MUCH, may, strict=True) if is_so]
    if found:
        raise RoleMayTooMuch(
            f"the database role {name} {' and '.join(found)}: requests are served only with a role that row-level"
            " security binds (REBALANCER_REQUESTS_DATABASE_URL; deploy/roles.py makes such roles)"
        )
