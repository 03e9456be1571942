"""Assign a sleeve to lots that their custodian reports without one.

A lot keeps its last known split over sleeves; a new lot follows the approved buys it came from, pro rata; what is left
belongs to the APM sleeve.  Source: product 2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.rules.apportion import apportion
from shared.rules.relief.lots import NO_BASIS
from shared.rules.relief.units import split_basis


@dataclass(frozen=True)
class ReportedLot:
    """A lot as the custodian reports it: micro-units, basis in cents or NO_BASIS; sleeve_id empty when not given.

    term_from: the day from which its term counts, or ALWAYS_LONG; None: acquired.  step: it is split in multiples of
    so many micro-units.
    """

    security_id: str
    lot_id: str
    sleeve_id: str
    acquired: int
    quantity: int
    basis: int
    covered: int
    term_from: int | None = None
    step: int = 1


def assign_sleeves(
    lots: Sequence[ReportedLot],
    known: Mapping[tuple[str, str], Mapping[str, int]],
    buys: Mapping[str, Mapping[str, int]],
    apm_sleeve_id: str,
) -> list[ReportedLot]:
    """Return the lots of one account, each in a sleeve, ordered by security, sleeve, acquired date and lot id.

    known: micro-units by sleeve of each (security, lot id), as last stored.  buys: by security, the micro-units by
    sleeve of approved buys that no file has shown yet.
    """
    open_buys = {security: dict(sleeves) for security, sleeves in buys.items()}
    assigned: list[ReportedLot] = []
    for lot in sorted(lots, key=lambda lot: (lot.acquired, lot.lot_id)):
        if lot.sleeve_id:
            assigned.append(lot)
        elif lot.quantity <= 0:  # a short or empty position is not shared
            assigned.append(
                replace(lot, sleeve_id=min(known.get((lot.security_id, lot.lot_id), ()), default=apm_sleeve_id))
            )
        elif shares := _long(known.get((lot.security_id, lot.lot_id))):
            assigned += _split(lot, pro_rata(lot.quantity, shares, lot.step))
        else:
            assigned += _split(lot, _follow_buys(lot, open_buys.get(lot.security_id, {}), apm_sleeve_id))
    return sorted(assigned, key=lambda lot: (lot.security_id, lot.sleeve_id, lot.acquired, lot.lot_id))


def _long(shares: Mapping[str, int] | None) -> dict[str, int]:
    """Return the sleeves that hold units of a lot; what was short or empty before shares nothing."""
    return {sleeve: units for sleeve, units in (shares or {}).items() if units > 0}


def pro_rata(units: int, shares: Mapping[str, int], step: int = 1) -> dict[str, int]:
    """Return `units` shared in proportion, exactly, by largest remainder, ties by sleeve id.

    In multiples of `step`, unless `units` are none themselves.
    """
    sleeves = sorted(shares)
    step = 1 if units % step else step
    steps = apportion(units // step, [shares[sleeve] for sleeve in sleeves])
    return {sleeve: count * step for sleeve, count in zip(sleeves, steps, strict=True)}


def _follow_buys(lot: ReportedLot, buys: dict[str, int], apm_sleeve_id: str) -> dict[str, int]:
    """Return the new lot's units by sleeve and reduce `buys` by them; units beyond the buys go to the APM sleeve."""
    units = lot.quantity
    explained = min(units, sum(buys.values()))
    split = pro_rata(explained, buys, lot.step) if explained else {}
    for sleeve, part in split.items():
        buys[sleeve] -= part
    split[apm_sleeve_id] = split.get(apm_sleeve_id, 0) + units - explained
    return split


def _split(lot: ReportedLot, units_by_sleeve: Mapping[str, int]) -> list[ReportedLot]:
    """Return the lot split by sleeve; basis goes with the units, the last units take the rest."""
    split_lots = []
    units_left, basis_left = lot.quantity, lot.basis
    for sleeve, units in sorted(units_by_sleeve.items()):
        if units == 0:
            continue
        basis = int(split_basis(basis_left, units_left, units))
        split_lots.append(replace(lot, sleeve_id=sleeve, quantity=units, basis=basis))
        units_left -= units
        basis_left -= basis if lot.basis != NO_BASIS else 0
    return split_lots
