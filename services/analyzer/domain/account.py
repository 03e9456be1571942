"""The settings of an account as integers, and the limits of settings and holdings.  Source: product 1, 2.

A setting or holding beyond its limit holds its own account, with a text that names account, component and limit.
"""

from typing import Final

import numpy as np

from services.analyzer.domain.layout import NONE, Ints, Ragged
from services.analyzer.domain.target import MAX_THRESHOLD_PPB, Number
from shared.contracts.codes import HoldingRole, LotMethod, Restriction
from shared.contracts.platform import AccountChanged, SecurityRestriction
from shared.fixed_point.limits import CENT, MAX_QUANTITY_MICRO, MAX_VALUE_CENTS, MICRO, PPB
from shared.fixed_point.text import scaled, usd

BAD_SETTINGS: Final = "BAD_SETTINGS"
BAD_HOLDINGS: Final = "BAD_HOLDINGS"
MAX_PICKS: Final = 200

_KINDS = {
    "DO_NOT_BUY": Restriction.DO_NOT_BUY,
    "DO_NOT_SELL": Restriction.DO_NOT_SELL,
    "DO_NOT_TRADE": Restriction.DO_NOT_TRADE,
}


class BadSettings(ValueError):
    """A setting is beyond its limit; the text names account, component and limit."""


def settings_of(account: AccountChanged, security_no: Number) -> Ints:
    """Return the settings of an account: layout.Setting, then its RESTRICTION records.

    security_no: number of a security id.  Raises BadSettings, InexactText.
    """
    where = f"account {account.account_id}"
    restrictions = _restrictions(account.restrictions, where, security_no)
    head = [
        int(account.rebalancer_on),
        int(account.do_not_trade),
        int(account.custody == "TAXABLE"),
        int(LotMethod[account.lot_method]),
        _share(account.threshold, MAX_THRESHOLD_PPB, f"{where}: threshold"),
        _share(account.precision, MAX_THRESHOLD_PPB, f"{where}: precision"),
        _share(account.floor, PPB, f"{where}: floor"),
        _share(account.cash_threshold, MAX_THRESHOLD_PPB, f"{where}: cash threshold"),
        _dollars(account.min_trade_usd, f"{where}: minimum trade size"),
        _share(account.min_trade_weight, PPB, f"{where}: minimum trade weight"),
        _dollars(account.cash_reserve, f"{where}: cash reserve"),
        _dollars(account.cash_set_aside, f"{where}: set-aside cash"),
        _budget(account.gain_budget_short, f"{where}: short-term gain budget"),
        _budget(account.gain_budget_total, f"{where}: gain budget"),
        int(account.no_short_term_gains),
        len(restrictions),
    ]
    return np.array([*head, *(value for triple in restrictions for value in triple)], np.int64)


def securities_named(account: AccountChanged) -> set[str]:
    """Return the ids of the securities that restrictions and holding roles of an account name."""
    restrictions = account.restrictions
    named = {restriction.security_id for restriction in restrictions}
    named |= {own.security_id for own in account.holding_roles}
    return named | {restriction.substitute_id for restriction in restrictions if restriction.substitute_id is not None}


def own_roles_of(account: AccountChanged, security_no: Number) -> list[tuple[int, int]]:
    """Return (security number, HoldingRole) of the securities whose role the account says itself, in that order.

    Raises BadSettings if it says two roles of one security.  Source: product 1, "holding role".
    """
    roles: dict[str, HoldingRole] = {}
    for own in account.holding_roles:
        role = HoldingRole[own.role]
        if roles.setdefault(own.security_id, role) is not role:
            raise BadSettings(f"account {account.account_id}: {own.security_id} has more than one holding role")
    return sorted((security_no(security_id), int(role)) for security_id, role in roles.items())


def picks_of(account: AccountChanged) -> list[tuple[str, str, str | None, int]]:
    """Return (security, lot id, sleeve or None, units in millionths) of the lots that an account picks, as given.

    Empty unless its lot method is SPECIFIC.  Of more picked than sold the first leave.  taxlot checks whether the
    account holds such lots.
    Raises BadSettings, InexactText.  Source: product 5.
    """
    if account.lot_method != "SPECIFIC":
        return []
    where = f"account {account.account_id}"
    if len(account.lot_picks) > MAX_PICKS:
        raise BadSettings(f"{where}: {len(account.lot_picks)} lots are picked, {MAX_PICKS} at most can be")
    picks: dict[tuple[str, str, str], int] = {}
    for pick in account.lot_picks:
        what = f"{where}: the pick of lot {pick.lot_id} of {pick.security_id}"
        units = scaled(pick.units, 6, what)
        if not 0 < units <= MAX_QUANTITY_MICRO:
            raise BadSettings(f"{what}: {pick.units} units are not above 0, or beyond the limit")
        key = (pick.security_id, pick.lot_id, pick.sleeve_id or "")
        if key in picks:
            raise BadSettings(f"{what} stands there twice")
        picks[key] = units
    return [(security, lot, sleeve or None, units) for (security, lot, sleeve), units in picks.items()]


def bad_holdings(positions: Ragged, cash_cents: Ints) -> dict[int, tuple[int | None, str]]:
    """Return the problem of each account beyond a limit, by index: (row of positions or None, text).

    positions: HOLDING records, in order of key within each account.  cash_cents: one an account.  A negative quantity
    is judged with its holding role, by the kernel.
    """
    owner = np.repeat(np.arange(len(cash_cents)), np.diff(positions.starts))
    keys, quantities = positions.data.key, positions.data.quantity
    problems: dict[int, tuple[int | None, str]] = {}
    twice = np.zeros(len(keys), bool)
    twice[1:] = (keys[1:] == keys[:-1]) & (owner[1:] == owner[:-1])
    rules = (
        (
            np.abs(quantities) > MAX_QUANTITY_MICRO,
            f"the quantity is above the limit of {MAX_QUANTITY_MICRO // MICRO} units",
        ),
        (twice, "the position is reported twice"),
    )
    for wrong, text in rules:
        for row in np.flatnonzero(wrong).tolist():
            problems.setdefault(int(owner[row]), (row, text))
    for index in np.flatnonzero(np.abs(cash_cents) > MAX_VALUE_CENTS).tolist():
        problems.setdefault(index, (None, f"the cash is beyond the limit of ${usd(MAX_VALUE_CENTS)}"))
    return problems


def _restrictions(
    restrictions: list[SecurityRestriction], where: str, security_no: Number
) -> list[tuple[int, int, int]]:
    """Return a RESTRICTION of each restricted security, in order of security id.

    Raises BadSettings if a substitute is absent, is the security itself, or is named twice.
    """
    flags: dict[str, int] = {}
    substitutes: dict[str, str] = {}
    for restriction in restrictions:
        if restriction.kind != "SUBSTITUTE":
            flags[restriction.security_id] = flags.get(restriction.security_id, 0) | _KINDS[restriction.kind]
            continue
        if restriction.substitute_id is None or restriction.substitute_id == restriction.security_id:
            raise BadSettings(f"{where}: the substitute of {restriction.security_id} must name another security")
        if substitutes.setdefault(restriction.security_id, restriction.substitute_id) != restriction.substitute_id:
            raise BadSettings(f"{where}: {restriction.security_id} has more than one substitute")
    both = sorted(flags.keys() | substitutes.keys())
    return [
        (security_no(name), flags.get(name, 0), security_no(substitutes[name]) if name in substitutes else NONE)
        for name in both
    ]


def _share(text: str | None, limit: int, what: str) -> int:
    """Return a share in ppb, or NONE.  Raises BadSettings outside 0 to `limit`, InexactText."""
    if text is None:
        return NONE
    value = scaled(text, 9, what)
    if not 0 <= value <= limit:
        raise BadSettings(f"{what}: {text} is outside 0 to {limit // PPB}")
    return value


def _budget(text: str | None, what: str) -> int:
    return NONE if text is None else _dollars(text, what)


def _dollars(text: str, what: str) -> int:
    """Return cents.  Raises BadSettings outside 0 to MAX_VALUE_CENTS, InexactText."""
    value = scaled(text, 2, what)
    if not 0 <= value <= MAX_VALUE_CENTS:
        raise BadSettings(f"{what}: ${text} is outside $0.00 to ${MAX_VALUE_CENTS // CENT}")
    return value
