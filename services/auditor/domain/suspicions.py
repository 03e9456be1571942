"""From differences to broken invariants: what is in flight must not alarm, and what is lost must.

Every pass finds differences, because services commit one after the other and publish after they commit.  The message
that explains a difference is therefore sent at most `patience_s` after the difference was first seen, and while it is
in flight it is as old as that.  Once the difference is older than everything in flight on its path, by `patience_s`, no
message explains it: it is broken.  Two passes must have seen it with the same values, because values that move are work
that goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.auditor.domain.invariants import Difference, Invariant


@dataclass(frozen=True)
class Suspicion:
    """A difference that has been seen.  since_s: when first with these values; passes: how often; broken: for good."""

    difference: Difference
    since_s: float
    passes: int
    broken: bool = False


class Suspicions:
    """The differences of all invariants, pass after pass.  Times are seconds of a clock that only goes forward."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._of: dict[Invariant, dict[str, Suspicion]] = {invariant: {} for invariant in Invariant}

    def subjects(self, invariant: Invariant) -> list[str]:
        """Return what is suspected: the next pass must look at it again."""
        return sorted(self._of[invariant])

    def broken(self, invariant: Invariant) -> list[Difference]:
        """Return what counts as broken, in order of subject."""
        return [found.difference for _, found in sorted(self._of[invariant].items()) if found.broken]

    def note(
        self, invariant: Invariant, found: Sequence[Difference], now_s: float, in_flight_s: float
    ) -> list[Difference]:
        """Note everything that a complete look at an invariant has found; return what is newly broken.

        in_flight_s: age of the oldest message or work on the path of this invariant, 0 if there is none.  A difference
        that is not found any more is forgotten; one that is broken stays so, whatever its values, until it is gone.
        """
        before, after = self._of[invariant], dict[str, Suspicion]()
        news = []
        for difference in found:
            known = before.get(difference.subject)
            if known is None or (known.difference.values != difference.values and not known.broken):
                after[difference.subject] = Suspicion(difference, now_s, 1)
                continue
            lasts = now_s - known.since_s >= self._patience_s + in_flight_s
            after[difference.subject] = Suspicion(difference, known.since_s, known.passes + 1, known.broken or lasts)
            if lasts and not known.broken:
                news.append(difference)
        self._of[invariant] = after
        return news
