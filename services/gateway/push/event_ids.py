"""Ids of events: places in the sequence of all changes, which tell their reader nothing of the changes of others."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_NONCE_BYTES: Final = 12
_NUMBER_BYTES: Final = 8


class Places:
    """Seals the places of one run of one replica with a key that nobody else has.

    The same place is another id each time: two of them say neither how many changes lie between, nor whether any does.
    """

    def __init__(self) -> None:
        self._cipher = ChaCha20Poly1305(ChaCha20Poly1305.generate_key())

    def id_of(self, number: int) -> str:
        """Return an id for a place: 48 letters, digits, "-" and "_"."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, number.to_bytes(_NUMBER_BYTES, "big"), None)
        return urlsafe_b64encode(nonce + sealed).decode()

    def number_of(self, event_id: str) -> int | None:
        """Return the place of an id; None for one that was not made here in this run."""
        try:
            sealed = urlsafe_b64decode(event_id)
            return int.from_bytes(self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None), "big")
        except (ValueError, InvalidTag):
            return None
