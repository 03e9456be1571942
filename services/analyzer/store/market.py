"""Securities and price sets.  A price set is one document and never changes; the newest is kept in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from services.analyzer.domain.layout import Ints, from_bytes, to_bytes
from services.analyzer.domain.prices import read_entries
from services.analyzer.store.database import Session
from services.analyzer.store.names import SECURITY, Names
from shared.contracts.platform import PricesPublished, SecurityChanged
from shared.contracts.succession import Admitted, Known, admit, content_of
from shared.exact.limits import MICRO


@dataclass(frozen=True)
class Prices:
    """A price set; micro[security number] in millionths of a dollar, 0 where there is none."""

    price_set: int
    as_of: date | None
    micro: Ints


NO_PRICES: Final = Prices(0, None, np.zeros(0, np.int64))


class PriceBook:
    """The newest price set, asked for once a chunk by its number."""

    def __init__(self) -> None:
        self._held = NO_PRICES

    def newest(self, session: Session) -> Prices:
        """Return the price set with the highest number, NO_PRICES before the first."""
        found = session.execute("SELECT max(price_set) FROM price_set").fetchone()
        number = found[0] if found is not None and found[0] is not None else 0
        if number != self._held.price_set:
            row = session.execute("SELECT as_of, document FROM price_set WHERE price_set = %s", [number]).fetchone()
            self._held = NO_PRICES if row is None else Prices(number, row[0], from_bytes(row[1]))
        return self._held


def save_prices(session: Session, names: Names, event: PricesPublished) -> list[str]:
    """Store a price set unless it is there already; return what is wrong with single prices, which are left out."""
    entries = read_entries(event.prices, event.unread)
    numbers = names.numbers(SECURITY, entries.micro)
    micro = np.zeros(max(numbers.values(), default=-1) + 1, np.int64)
    for security_id, price in entries.micro.items():
        micro[numbers[security_id]] = price
    session.execute(
        "INSERT INTO price_set (price_set, as_of, document) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [event.price_set, event.as_of, to_bytes(micro)],
    )
    return [f"price set {event.price_set}: {problem}" for problem in entries.problems]


@dataclass(frozen=True)
class Security:
    """What a proposal needs of a security. step_micro: 1 fractional, else round lot x 1,000,000."""

    step_micro: int
    is_fund: bool


def save_securities(session: Session, names: Names, events: Sequence[SecurityChanged]) -> Admitted[SecurityChanged]:
    """Store the newest version of each security; return what was admitted and what was refused."""
    numbers = names.numbers(SECURITY, (one.security_id for one in events))
    ids = {number: security_id for security_id, number in numbers.items()}
    known = session.execute(
        "SELECT security_no, version, content FROM security WHERE security_no = ANY(%s)", [sorted(ids)]
    )
    admitted = admit(
        events, lambda one: one.security_id, {ids[number]: Known(*kept) for number, *kept in known.fetchall()}
    )
    rows = [
        (
            numbers[one.security_id],
            one.version,
            one.name,
            one.kind == "FUND",
            1 if one.fractional else one.lot_size * MICRO,
            content_of(one),
        )
        for one in admitted.newest
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
    """Return the securities of the master among `numbers`."""
    rows = session.execute(
        "SELECT security_no, step_micro, is_fund FROM security WHERE security_no = ANY(%s)", [list(numbers)]
    )
    return {number: Security(step, is_fund) for number, step, is_fund in rows}
