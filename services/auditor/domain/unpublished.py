"""What waits to be published: messages, files, analyses."""

from dataclasses import dataclass
from typing import Final

from services.auditor.domain.invariants import Difference, Invariant

OLD_S: Final = {"message": 120.0, "file": 900.0, "analysis": 900.0}
"""Ages in seconds: a message leaves within a second while the broker is there, a file or analysis takes minutes."""


@dataclass(frozen=True)
class Unpublished:
    """Something that waits.

    kind: a key of OLD_S.  subject: what it is.  age_s: since when.  refused: the broker always refuses it.
    """

    kind: str
    subject: str
    age_s: float
    refused: bool = False


def waits_too_long(waiting: Unpublished) -> Difference | None:
    """Return what waits too long or is refused for ever; None while it is only on its way."""
    if waiting.refused:
        says = f"{waiting.subject} is refused by the broker for ever"
    elif waiting.age_s > OLD_S[waiting.kind]:
        says = f"{waiting.subject} has not been published for {waiting.age_s:.0f} s"
    else:
        return None
    return Difference(Invariant.NOTHING_UNPUBLISHED, waiting.subject, (waiting.refused,), says)
