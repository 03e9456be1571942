"""Dead letters: the original bytes, and in headers why they were put aside and where they came from.

dlq-code, dlq-reason                    a short fixed word, and a sentence
dlq-topic, dlq-partition, dlq-offset    where the original stood
dlq-null                                "key", "value" or "key,value": what was null and is empty here
dlq-headers                             JSON [[name, base64 or null], ...]: the original's headers, where they
                                        cannot stand here as they were (null, no UTF-8, a name twice, a dlq- name)
dlq-stub, dlq-size, dlq-sha256          the original does not fit into a letter: this one has no value, and the
                                        original of so many bytes and that digest stays at its place
"""

import base64
import hashlib
from typing import Final

import orjson

from shared.contracts.topics import MIB, dead_letters
from shared.kafka.messages import BadMessage, Headers, Incoming, Outgoing

_LARGEST_BYTES: Final = 4 * MIB - 16 * 1024  # what a topic takes, less our headers and the broker's own
_LARGEST_KEY: Final = 1024  # of a stub
_OWN: Final = "dlq-"


def letter(service: str, message: Incoming, error: BadMessage) -> Outgoing:
    """Return the dead letter of a message: as it was where it fits, else a stub that says where it is."""
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
            "dlq-size": str(_size(key, value, {}) + sum(len(name) + len(one or b"") for name, one in message.headers)),
            "dlq-sha256": hashlib.sha256(value).hexdigest(),
        }
        key, value, headers = key if len(key) <= _LARGEST_KEY else b"", b"", {}
    return Outgoing(dead_letters(service).name, key, value, headers | about)


def _carried(headers: Headers) -> dict[str, str]:
    """Return the original's headers as a letter carries them."""
    plain: dict[str, str] = {}
    for name, value in headers:
        text = None if value is None else value.decode(errors="replace")
        if text is None or text.encode() != value or name in plain or name.startswith(_OWN) or _text(name) != name:
            exact = [[_text(one), None if part is None else base64.b64encode(part).decode()] for one, part in headers]
            return plain | {"dlq-headers": orjson.dumps(exact).decode()}
        plain[name] = text
    return plain


def _size(key: bytes, value: bytes, headers: dict[str, str]) -> int:
    return len(key) + len(value) + sum(len(name.encode()) + len(one.encode()) for name, one in headers.items())


def _text(text: str) -> str:
    """Return the text as UTF-8 can carry it."""
    return text.encode(errors="replace").decode()
