"""Dead letters: the bytes of a message that cannot be handled, with reason and origin in headers.

dlq-code, dlq-reason                    a short fixed word, and a sentence
dlq-topic, dlq-partition, dlq-offset    where the original is
dlq-null                                "key", "value" or "key,value": what was null and is empty here
dlq-headers                             JSON [[name, base64 or null], ...]: the original's headers, if they cannot be
                                        copied as they are (null, not UTF-8, a repeated name, a name with dlq-)
dlq-stub, dlq-size, dlq-sha256          the original is too large: this dead letter has no value; size in bytes and
                                        digest of the original, which remains in its own topic
"""

import base64
import hashlib
from typing import Final

import orjson

from shared.contracts.topics import MIB, dead_letters
from shared.kafka.messages import BadMessage, Headers, Incoming, Outgoing

_LARGEST_BYTES: Final = 4 * MIB - 16 * 1024  # a topic's limit, less our headers and the broker's overhead
_LARGEST_KEY: Final = 1024  # bytes of the key of a stub
_OWN: Final = "dlq-"


def dead_letter(service: str, message: Incoming, error: BadMessage) -> Outgoing:
    """Return the dead letter of a message: a copy if it fits, else a stub that names its origin."""
    about = {
        "dlq-code": error.code,
        "dlq-reason": _text(error.detail)[:1000],
        "dlq-topic": message.topic,
        "dlq-partition": str(message.partition),
        "dlq-offset": str(message.offset),
    }
    nulls = [name for name, part in (("key", message.key), ("value", message.value)) if part is None]
    if nulls:
        about["dlq-null"] = ",".join(nulls)
    key, value, headers = message.key or b"", message.value or b"", _carried(message.headers)
    if _size(key, value, headers) > _LARGEST_BYTES:
        about |= {
            "dlq-stub": "the original stays where it is",
            "dlq-size": str(
                _size(key, value, {}) + sum(len(name) + len(part or b"") for name, part in message.headers)
            ),
            "dlq-sha256": hashlib.sha256(value).hexdigest(),
        }
        key, value, headers = key if len(key) <= _LARGEST_KEY else b"", b"", {}
    return Outgoing(dead_letters(service).name, key, value, headers | about)


def _carried(headers: Headers) -> dict[str, str]:
    """Return the headers of the original as headers of the dead letter."""
    plain: dict[str, str] = {}
    for name, value in headers:
        text = None if value is None else value.decode(errors="replace")
        if text is None or text.encode() != value or name in plain or name.startswith(_OWN) or _text(name) != name:
            original = [
                [_text(header), None if part is None else base64.b64encode(part).decode()] for header, part in headers
            ]
            return plain | {"dlq-headers": orjson.dumps(original).decode()}
        plain[name] = text
    return plain


def _size(key: bytes, value: bytes, headers: dict[str, str]) -> int:
    return len(key) + len(value) + sum(len(name.encode()) + len(part.encode()) for name, part in headers.items())


def _text(text: str) -> str:
    """Return the text with what UTF-8 cannot encode replaced."""
    return text.encode(errors="replace").decode()
