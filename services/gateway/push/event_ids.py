"""Ids of events: sealed numbers of changes, which reveal nothing about the changes of other enterprises."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_NONCE_BYTES: Final = 12
_NUMBER_BYTES: Final = 8


class EventIds:
    """Seals change numbers of one run of one replica with a key of its own.

    The same number gets another id each time, so two ids reveal neither whether nor how many changes lie between them.
    """

    def __init__(self) -> None:
        self._cipher = ChaCha20Poly1305(ChaCha20Poly1305.generate_key())

    def id_of(self, number: int) -> str:
        """Return an id for a change number: 48 letters, digits, "-" and "_"."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, number.to_bytes(_NUMBER_BYTES, "big"), None)
        return urlsafe_b64encode(nonce + sealed).decode()

    def number_of(self, event_id: str) -> int | None:
        """Return the change number of an id; None for an id that was not made here in this run."""
        try:
            sealed = urlsafe_b64decode(event_id)
            return int.from_bytes(self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None), "big")
        except (ValueError, InvalidTag):
            return None
