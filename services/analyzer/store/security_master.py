"""The security master: what proposals need of each security, and how accounts treat what they hold of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.analyzer.domain.layout import Ints
from services.analyzer.store.database import Session
from services.analyzer.store.names import SECURITY, Names
from shared.contracts.holding_roles import packed_roles, price_divisor, step_micro
from shared.contracts.platform import SecurityChanged
from shared.contracts.succession import Admitted, Known, admit, content_of
from shared.rules.holding_roles import ORDINARY

_PRICED_BY_UNIT = 1


@dataclass(frozen=True)
class Security:
    """A security.  step_micro: smallest tradable quantity in millionths: 1 if fractional, else a round lot."""

    step_micro: int
    is_fund: bool


@dataclass(frozen=True)
class SavedSecurities:
    """What was admitted and refused.  roles_changed: whether roles or price divisor of any security are others now."""

    admitted: Admitted[SecurityChanged]
    roles_changed: bool


@dataclass(frozen=True)
class HeldSecurities:
    """How holdings are treated, by security number, as of a version; what lies beyond the arrays is ordinary.

    roles: packed, as `shared.rules.holding_roles` reads them.  divisor: what quantity x price is divided by.
    """

    version: int
    roles: Ints
    divisor: Ints


NO_SECURITIES = HeldSecurities(0, np.zeros(0, np.int64), np.zeros(0, np.int64))


class SecurityBook:
    """How holdings are treated, kept in memory and checked by its version once a chunk."""

    def __init__(self) -> None:
        self._cached = NO_SECURITIES

    def newest(self, session: Session) -> HeldSecurities:
        """Return how holdings are treated now."""
        now = version(session)
        if now != self._cached.version:
            self._cached = _load(session, now)
        return self._cached


def save_securities(session: Session, names: Names, events: Sequence[SecurityChanged]) -> SavedSecurities:
    """Store the newest version of each security."""
    numbers = names.numbers(SECURITY, (event.security_id for event in events))
    ids = {number: security_id for security_id, number in numbers.items()}
    found = session.execute(
        "SELECT security_no, version, content, roles, price_divisor FROM security WHERE security_no = ANY(%s)",
        [sorted(ids)],
    ).fetchall()
    known = {ids[number]: Known(version, content) for number, version, content, _, _ in found}
    before = {number: (roles, divisor) for number, _, _, roles, divisor in found}
    admitted = admit(events, lambda event: event.security_id, known)
    rows = [
        (
            numbers[event.security_id],
            event.version,
            event.name,
            event.kind == "FUND",
            step_micro(event),
            packed_roles(event),
            price_divisor(event),
            content_of(event),
        )
        for event in admitted.newest
    ]
    with session.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO security AS s (security_no, version, title, is_fund, step_micro, roles, price_divisor,"
            " content) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (security_no) DO UPDATE"
            " SET version = excluded.version, title = excluded.title, is_fund = excluded.is_fund,"
            " step_micro = excluded.step_micro, roles = excluded.roles, price_divisor = excluded.price_divisor,"
            " content = excluded.content WHERE s.version < excluded.version",
            rows,
        )
    ordinary = (ORDINARY, _PRICED_BY_UNIT)
    changed = any(before.get(number, ordinary) != (roles, divisor) for number, *_, roles, divisor, _ in rows)
    if changed:
        session.execute("UPDATE security_version SET version = version + 1")
    return SavedSecurities(admitted, changed)


def securities(session: Session, numbers: Sequence[int]) -> dict[int, Security]:
    """Return the securities with these numbers that are in the master."""
    rows = session.execute(
        "SELECT security_no, step_micro, is_fund FROM security WHERE security_no = ANY(%s)", [list(numbers)]
    )
    return {number: Security(step, is_fund) for number, step, is_fund in rows}


def version(session: Session) -> int:
    """Return a number that grows whenever roles or price divisor of a security change."""
    row = session.execute("SELECT version FROM security_version").fetchone()
    return 0 if row is None else int(row[0])


def _load(session: Session, as_of: int) -> HeldSecurities:
    """Return what differs from the ordinary; a change committed meanwhile is read again with its version."""
    rows = session.execute(
        "SELECT security_no, roles, price_divisor FROM security WHERE roles <> %s OR price_divisor <> %s",
        [ORDINARY, _PRICED_BY_UNIT],
    ).fetchall()
    size = max((number for number, _, _ in rows), default=-1) + 1
    roles, divisor = np.full(size, ORDINARY, np.int64), np.full(size, _PRICED_BY_UNIT, np.int64)
    for number, packed, by in rows:
        roles[number], divisor[number] = packed, by
    return HeldSecurities(as_of, roles, divisor)
