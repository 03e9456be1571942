"""Server-side sessions: the browser holds a random id, the table its hash, and every request reads the entitlements."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from services.gateway.domain.session import Limits, is_touch_due, standing
from services.gateway.store import sessions, users
from shared.contracts.principal import Principal
from shared.contracts.problems import Forbidden
from shared.contracts.tenancy import Scope
from shared.postgres.commits import until_known
from shared.postgres.pool import Pool, Requests
from shared.runtime.clock import Clock

_ID_BYTES = 32
_PATIENCE_S = 5.0  # a page must hear soon that the database is away


class UnknownUser(Forbidden):
    """The issuer knows who it is, our table does not say what they may do."""

    code, title = "unknown_user", "You are signed in, but nothing is granted to you here"


@dataclass(frozen=True)
class SignedIn:
    """Who is behind a request. key: the hash under which the session is kept; csrf: what commands must carry."""

    key: bytes
    principal: Principal
    csrf: str
    id_token: str


class Sessions:
    """Starts, finds and ends sessions; time is the Clock's."""

    def __init__(self, requests: Requests, work: Pool, clock: Clock, limits: Limits, session_key: str) -> None:
        self._requests = requests
        self._work = work
        self._clock = clock
        self._limits = limits
        self._secret = session_key.encode()

    async def start(self, subject: str, id_token: str, replaced: str | None) -> str:
        """Start a session for a subject the issuer vouched for and return its new id; `replaced` (the id the browser
        came with) ends. Raises UnknownUser when nothing is granted to the subject, CommitUnknown when nobody knows:
        a session that stands then is one whose id nobody has."""
        session_id = self._tagged(secrets.token_urlsafe(_ID_BYTES))
        now, key = self._clock.now(), key_of(session_id)

        async def enter() -> None:
            async with self._requests.scoped(_scope(key, subject), _PATIENCE_S) as connection:
                if not await users.is_known(connection, subject):
                    raise UnknownUser(f"Ask an administrator to grant access to the user {subject}.")
                await sessions.insert(connection, key, subject, id_token, now)

        async def clear_away() -> None:
            async with self._work.connection(_PATIENCE_S) as connection:
                await sessions.delete_ended(connection, now, self._limits)

        await until_known(enter)
        if replaced:
            await self.end(key_of(replaced))
        await until_known(clear_away)
        return session_id

    async def use(self, session_id: str | None) -> SignedIn | None:
        """Return who is behind `session_id` and count this as a use; None when there is no such session any more."""
        key = self.key_in(session_id)
        if session_id is None or key is None:
            return None
        found, now = await self._alive(key), self._clock.now()
        if found is None:
            return None
        if is_touch_due(found.used, now):
            async with self._requests.scoped(_scope(key), _PATIENCE_S) as connection:
                await sessions.touch(connection, key, now)
        return SignedIn(key, found.principal, self._csrf(session_id), found.id_token)

    async def look(self, key: bytes) -> Principal | None:
        """Return the session's user with the present entitlements without counting as a use; None when it has ended."""
        found = await self._alive(key)
        return None if found is None else found.principal

    async def end(self, key: bytes) -> None:
        """End a session.  Raises CommitUnknown when nobody knows whether it has ended; it may be ended again."""

        async def ended() -> None:
            async with self._requests.scoped(_scope(key), _PATIENCE_S) as connection:
                await sessions.delete(connection, key)

        await until_known(ended)

    async def _alive(self, key: bytes) -> sessions.Stored | None:
        async with self._requests.scoped(_scope(key), _PATIENCE_S) as connection:
            found = await sessions.find(connection, key)
        if found is None or standing(found.started, found.used, self._clock.now(), self._limits) != "ALIVE":
            return None
        return found

    def key_in(self, cookie: str | None) -> bytes | None:
        """Return the key of the session a browser names; None unless its id was made here.

        A made-up one is known by its tag, without asking the database.
        """
        if cookie is None:
            return None
        ours = self._tagged(cookie.partition(".")[0])
        return key_of(cookie) if hmac.compare_digest(ours.encode(), cookie.encode()) else None

    def _tagged(self, drawn: str) -> str:
        return f"{drawn}.{hmac.new(self._secret, b'session:' + drawn.encode(), hashlib.sha256).hexdigest()[:32]}"

    def _csrf(self, session_id: str) -> str:
        return hmac.new(self._secret, b"csrf:" + session_id.encode(), hashlib.sha256).hexdigest()


def _scope(key: bytes, subject: str = "") -> Scope:
    """Return what a browser that showed a session's id may see: that session, and the user behind it."""
    return Scope(subject, session=key.hex())


def key_of(session_id: str) -> bytes:
    """Return the hash under which a session is kept."""
    return hashlib.sha256(session_id.encode()).digest()
