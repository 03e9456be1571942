"""Server-side sessions: the browser holds a random id, the table its hash; every request reads the entitlements."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from services.gateway.domain.session import SessionLimits, is_touch_due, standing
from services.gateway.store import sessions, users
from shared.contracts.principal import Principal
from shared.contracts.problems import Forbidden
from shared.contracts.tenancy import Scope
from shared.postgres.commits import until_known
from shared.postgres.pool import Pool, Requests
from shared.runtime.clock import Clock

_ID_BYTES = 32
_PATIENCE_S = 5.0  # so that a page soon shows that the database is away


class UnknownUser(Forbidden):
    """The issuer authenticated a user who has no entitlements in our table."""

    code, title = "unknown_user", "You are signed in, but nothing is granted to you here"


@dataclass(frozen=True)
class SignedIn:
    """The user of a request. key: hash under which the session is stored; csrf: token that commands must carry."""

    key: bytes
    principal: Principal
    csrf: str
    id_token: str


class Sessions:
    """Starts, finds and ends sessions, by the Clock."""

    def __init__(self, requests: Requests, work: Pool, clock: Clock, limits: SessionLimits, session_key: str) -> None:
        self._requests = requests
        self._work = work
        self._clock = clock
        self._limits = limits
        self._secret = session_key.encode()

    async def start(self, subject: str, id_token: str, replaced: str | None) -> str:
        """Start a session for an authenticated subject and return its new id; end `replaced`, the browser's former id.

        Raises UnknownUser if the subject has no entitlements, CommitUnknown if a COMMIT got no reply: a session that
        may exist then has an id that nobody knows.
        """
        session_id = self._tagged(secrets.token_urlsafe(_ID_BYTES))
        now, key = self._clock.now(), key_of(session_id)

        async def insert() -> None:
            async with self._requests.scoped(_scope(key, subject), _PATIENCE_S) as connection:
                if not await users.is_known(connection, subject):
                    raise UnknownUser(f"Ask an administrator to grant access to the user {subject}.")
                await sessions.insert(connection, key, subject, id_token, now)

        async def delete_ended() -> None:
            async with self._work.connection(_PATIENCE_S) as connection:
                await sessions.delete_ended(connection, now, self._limits)

        await until_known(insert)
        if replaced:
            await self.end(key_of(replaced))
        await until_known(delete_ended)
        return session_id

    async def use(self, session_id: str | None) -> SignedIn | None:
        """Return the user of a session and count this as a use; None if the session has ended or never existed."""
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
        """Return the session's user with the present entitlements, without counting as a use; None if it has ended."""
        found = await self._alive(key)
        return None if found is None else found.principal

    async def end(self, key: bytes) -> None:
        """End a session.  Raises CommitUnknown if the COMMIT got no reply; ending it again is safe."""

        async def delete() -> None:
            async with self._requests.scoped(_scope(key), _PATIENCE_S) as connection:
                await sessions.delete(connection, key)

        await until_known(delete)

    async def _alive(self, key: bytes) -> sessions.SessionRow | None:
        async with self._requests.scoped(_scope(key), _PATIENCE_S) as connection:
            found = await sessions.find(connection, key)
        if found is None or standing(found.started, found.used, self._clock.now(), self._limits) != "ALIVE":
            return None
        return found

    def key_in(self, cookie: str | None) -> bytes | None:
        """Return the key of a session id; None unless the id was made here.

        The tag reveals made-up ids without a query.
        """
        if cookie is None:
            return None
        expected = self._tagged(cookie.partition(".")[0])
        return key_of(cookie) if hmac.compare_digest(expected.encode(), cookie.encode()) else None

    def _tagged(self, random: str) -> str:
        return f"{random}.{hmac.new(self._secret, b'session:' + random.encode(), hashlib.sha256).hexdigest()[:32]}"

    def _csrf(self, session_id: str) -> str:
        return hmac.new(self._secret, b"csrf:" + session_id.encode(), hashlib.sha256).hexdigest()


def _scope(key: bytes, subject: str = "") -> Scope:
    """Return the scope of a browser with this session id: that session and its user."""
    return Scope(subject, session=key.hex())


def key_of(session_id: str) -> bytes:
    """Return the hash under which a session is stored."""
    return hashlib.sha256(session_id.encode()).digest()
