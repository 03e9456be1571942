"""The issuer's signing key: made at the first start, kept in a file that only its owner reads."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey

ALGORITHM: Final = "ES256"
LIFETIME: Final = timedelta(minutes=5)


class SigningKey:
    """Signs id tokens."""

    def __init__(self, key: ECKey) -> None:
        self._key = key

    @classmethod
    def kept_in(cls, folder: Path) -> "SigningKey":
        """Return the key kept in the folder, making it when there is none."""
        file = folder / "signing-key.json"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            fresh = file.with_suffix(".new")
            made = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(orjson.dumps(made.as_dict(private=True)))
            fresh.replace(file)
        return cls(ECKey.import_key(orjson.loads(file.read_bytes())))

    def public(self) -> dict[str, Any]:
        """Return the key set with which tokens are verified."""
        return {"keys": [self._key.as_dict(private=False)]}

    def sign(self, claims: dict[str, Any], now: datetime) -> str:
        """Return a token with the claims, valid from now for five minutes."""
        issued = int(now.timestamp())
        dated = {**claims, "iat": issued, "exp": issued + int(LIFETIME.total_seconds())}
        token: str = jwt.encode({"alg": ALGORITHM, "kid": self._key.kid, "typ": "JWT"}, dated, self._key)
        return token
