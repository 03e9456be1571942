"""Which version of a thing follows which: the same decision in every service that keeps it.  Source: product 1, 2.

The newest version wins; an older one is passed over; a version that comes again with other content is refused, and
so is one that would leap so far that no room for later ones is left.  The first that came stays.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from shared.contracts.platform import AccountChanged, ModelChanged, PortfolioChanged, SecurityChanged

# A quarter of all versions: what was numbered by a mistake can still be followed by the next version, by hand.
MAX_LEAP: Final = 2**51

E = TypeVar("E", AccountChanged, ModelChanged, PortfolioChanged, SecurityChanged)


@dataclass(frozen=True)
class Known:
    """What is kept of a thing: its version (0: none yet), and the digest of the event it came with, None: not known."""

    version: int
    content: bytes | None


NOTHING: Final = Known(0, None)


@dataclass(frozen=True)
class Admitted(Generic[E]):
    """newest: the event of each thing that holds after the group, unless older than what is kept; in order of ids.
    named: the ids of all events that were not refused.  refused: why, by index in the group."""

    newest: list[E]
    named: list[str]
    refused: dict[int, str]


def admit(events: Sequence[E], identity: Callable[[E], str], known: Mapping[str, Known]) -> Admitted[E]:
    """Decide a group of events, in their order, against what is kept of each by its id."""
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


def content_of(event: AccountChanged | ModelChanged | PortfolioChanged | SecurityChanged) -> bytes:
    """Return the digest of what an event says; fields at their defaults do not count, nor do unknown ones."""
    said = event.model_dump_json(exclude_defaults=True).encode()
    return hashlib.blake2b(said, digest_size=16).digest()
