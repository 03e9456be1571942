"""The security master: what proposals need of each security."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.analyzer.store.database import Session
from services.analyzer.store.names import SECURITY, Names
from shared.contracts.platform import SecurityChanged
from shared.contracts.succession import Admitted, Known, admit, content_of
from shared.fixed_point.limits import MICRO


@dataclass(frozen=True)
class Security:
    """A security.  step_micro: smallest tradable quantity in millionths: 1 if fractional, else a round lot."""

    step_micro: int
    is_fund: bool


def save_securities(session: Session, names: Names, events: Sequence[SecurityChanged]) -> Admitted[SecurityChanged]:
    """Store the newest version of each security; return what was admitted and what was refused."""
    numbers = names.numbers(SECURITY, (event.security_id for event in events))
    ids = {number: security_id for security_id, number in numbers.items()}
    known = session.execute(
        "SELECT security_no, version, content FROM security WHERE security_no = ANY(%s)", [sorted(ids)]
    )
    admitted = admit(
        events, lambda event: event.security_id, {ids[number]: Known(*kept) for number, *kept in known.fetchall()}
    )
    rows = [
        (
            numbers[event.security_id],
            event.version,
            event.name,
            event.kind == "FUND",
            1 if event.fractional else event.lot_size * MICRO,
            content_of(event),
        )
        for event in admitted.newest
    ]
    with session.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO security AS s (security_no, version, title, is_fund, step_micro, content)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (security_no) DO UPDATE SET version = excluded.version,"
            " title = excluded.title, is_fund = excluded.is_fund, step_micro = excluded.step_micro,"
            " content = excluded.content WHERE s.version < excluded.version",
            rows,
        )
    return admitted


def securities(session: Session, numbers: Sequence[int]) -> dict[int, Security]:
    """Return the securities with these numbers that are in the master."""
    rows = session.execute(
        "SELECT security_no, step_micro, is_fund FROM security WHERE security_no = ANY(%s)", [list(numbers)]
    )
    return {number: Security(step, is_fund) for number, step, is_fund in rows}
