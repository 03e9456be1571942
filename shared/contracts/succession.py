"""Which version of a security, model, portfolio, account or execution replaces which: the same in every service.

The newest version wins and an older one is ignored.  A version that repeats with other content is refused, and so is
one that leaps so far that few numbers are left for later versions; in both cases the earlier one remains.
Source: product 1, 2.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from shared.contracts.platform import (
    AccountChanged,
    ExecutionReported,
    ModelChanged,
    PortfolioChanged,
    SecurityChanged,
)

# A quarter of all versions, so that a version with a wrong number can still be followed by a corrected one.
MAX_LEAP: Final = 2**51

E = TypeVar("E", AccountChanged, ModelChanged, PortfolioChanged, SecurityChanged, ExecutionReported)


@dataclass(frozen=True)
class Known:
    """The stored version (0: none yet) and the digest of its event (None: not known)."""

    version: int
    content: bytes | None


NOTHING: Final = Known(0, None)


@dataclass(frozen=True)
class Admitted(Generic[E]):
    """What to do with a group of events.

    newest: the event of each id that holds after the group, unless older than what is stored, ordered by id.
    named: the ids of all events that were not refused.  refused: index in the group -> reason.
    """

    newest: list[E]
    named: list[str]
    refused: dict[int, str]


def admit(events: Sequence[E], identity: Callable[[E], str], known: Mapping[str, Known]) -> Admitted[E]:
    """Decide a group of events, in order, against what is stored.  known: id -> stored version."""
    state, newest, named, refused = dict(known), dict[str, E](), set[str](), dict[int, str]()
    for index, event in enumerate(events):
        name, content = identity(event), content_of(event)
        before = state.get(name, NOTHING)
        if event.version - before.version > MAX_LEAP:
            refused[index] = (
                f"version is {event.version}: {name} is at version {before.version},"
                f" the next may be {MAX_LEAP} higher at most"
            )
            continue
        if event.version == before.version and before.content not in (None, content):
            refused[index] = (
                f"version is {event.version}: that version of {name} has come before with other content,"
                " a change needs a higher version"
            )
            continue
        named.add(name)
        if event.version >= before.version:
            state[name], newest[name] = Known(event.version, content), event
    return Admitted([newest[name] for name in sorted(newest)], sorted(named), refused)


def content_of(
    event: AccountChanged | ModelChanged | PortfolioChanged | SecurityChanged | ExecutionReported,
) -> bytes:
    """Return the digest of an event's content (16 bytes), without fields at their defaults and unknown fields."""
    content = event.model_dump_json(exclude_defaults=True).encode()
    return hashlib.blake2b(content, digest_size=16).digest()
