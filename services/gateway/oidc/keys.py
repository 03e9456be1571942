"""The issuer's public keys: cached, and fetched again for an unknown key id, at most every 30 seconds."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from shared.contracts.problems import Unavailable
from shared.runtime import log

_log = log.get(__name__)
Fetch = Callable[[], Awaitable[dict[str, Any]]]
REFETCH_S: Final = 30.0


class KeyCache:
    """The last valid key set. steady_s: returns seconds of a monotonic clock."""

    def __init__(self, fetch: Fetch, steady_s: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._steady_s = steady_s
        self._keys: dict[str, Key] = {}
        self._fetched_s: float | None = None

    async def find(self, kid: str | None) -> Key | None:
        """Return the key of that id (or the only key, if a token names none); None if the issuer has no such key.

        An unknown id causes one request at most every REFETCH_S; while the issuer is away the last keys stay valid.
        Raises Unavailable if the issuer is away and no keys were ever fetched.
        """
        found = self._known(kid)
        if found is None and self._may_fetch():
            await self._refresh()
            found = self._known(kid)
        return found

    def _known(self, kid: str | None) -> Key | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    def _may_fetch(self) -> bool:
        return not self._keys or self._fetched_s is None or self._steady_s() - self._fetched_s >= REFETCH_S

    async def _refresh(self) -> None:
        self._fetched_s = self._steady_s()
        try:
            fresh = KeySet.import_key_set(await self._fetch())  # type: ignore[arg-type]  # JSON of the issuer, checked there
        except Unavailable:
            if not self._keys:
                raise
        except (JoseError, KeyError, TypeError, ValueError) as error:
            _log.warning("sign_in.keys_unreadable", error=error)
        else:
            self._keys = {key.kid or "": key for key in fresh}
