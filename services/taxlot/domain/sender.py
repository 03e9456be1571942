"""On whose rights a file acts: a person's who sent it, or those of the custodian's own feed.

Source: architecture "Tenancy".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Sender:
    """subject: who sent the file; None: the custodian's feed (inbox or command).

    enterprises and advisors: what of a custodian's accounts the file may change; None: every one.
    """

    subject: str | None
    enterprises: tuple[str, ...] | None
    advisors: tuple[str, ...] | None

    @property
    def rights(self) -> str:
        """A text that is the same for the same rights: the same bytes with other rights are another file."""
        if self.subject is None:
            return ""
        return "|".join("*" if part is None else ",".join(sorted(part)) for part in (self.enterprises, self.advisors))


FEED: Final = Sender(None, None, None)
NOBODY: Final = Sender("", (), ())


def feeds_of(text: str) -> dict[str, tuple[str, ...]]:
    """Return the enterprises that each named custodian's feed covers, of `NORTH=E1,E2;SOUTH=E3`.

    Raises ValueError when the text has another form.
    """
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(None, (one.strip() for one in text.split(";"))):
        custodian, sign, names = (one.strip() for one in part.partition("="))
        enterprises = tuple(one.strip() for one in names.split(",") if one.strip())
        if not (custodian and sign and enterprises) or custodian in found:
            raise ValueError(f"{part!r} is not a custodian and its enterprises, such as NORTH=E1,E2")
        found[custodian] = enterprises
    return found


def acting_at(sender: Sender, custodian: str, feeds: Mapping[str, tuple[str, ...]]) -> Sender:
    """Return the sender with what it may change at this custodian: a feed has what the settings name, else all."""
    if sender.subject is not None:
        return sender
    return Sender(None, feeds.get(custodian), None)
