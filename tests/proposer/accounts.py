"""Accounts by hand that the tables share.

Unless a builder says otherwise V = $10,000, threshold 20 % and precision 4 % of target, floor 0.5 points, cash target
2 % (band 1.5 to 2.5 %: $150 to $250), whole shares.
"""

from dataclasses import replace
from typing import Any

from shared.contracts.codes import Restriction
from tests.proposer.builders import Account, Lot, account, lot, position, security

OLD, LATER, NEW = "2020-01-02", "2021-01-04", "2025-06-02"  # NEW: short-term on the trade date
NO_BUY, NO_SELL, NO_TRADE = int(Restriction.DO_NOT_BUY), int(Restriction.DO_NOT_SELL), int(Restriction.DO_NOT_TRADE)


def plain(**other: Any) -> Account:
    """A: 70 x $100 (70 %), target 60.  B: 40 x $50 (20 %), target 38.  Cash $1,000."""
    b = {"step_micro": other.pop("b_step")} if "b_step" in other else {}
    return account(
        [security("A", "100"), security("B", "50", **b)],
        [position("A", "70", "60"), position("B", "40", "38")],
        **{"cash": "1000", "cash_target": "2", **other},
    )


def restricted(**restrictions: int) -> Account:
    """The plain account with restrictions on A or B."""
    given = plain()
    return replace(
        given,
        securities=[
            replace(listed, restriction=restrictions.get(listed.security_id, 0)) for listed in given.securities
        ],
    )


def tight(c_units: str, cash: str, prices: dict[str, str], targets: dict[str, str], **other: Any) -> Account:
    """Nothing held of what is targeted; C at $100 may not be sold; so cash is short."""
    return account(
        [
            *(security(name, price, **other.pop(name, {})) for name, price in prices.items()),
            security("C", "100", restriction=NO_SELL),
        ],
        [*(position(name, "0", targets[name]) for name in prices), position("C", c_units, targets["C"])],
        cash=cash,
        cash_target="2",
        **other,
    )


def near(a: str, b: str, cash: str, **other: Any) -> Account:
    """A at $100, target 50 (precision 48 to 52); B at $50, target 48 (46.08 to 49.92)."""
    return account(
        {"A": "100", "B": "50"}, [position("A", a, "50"), position("B", b, "48")], cash=cash, cash_target="2", **other
    )


def sleeves(
    units: dict[str, str],
    targets: dict[str, str],
    b_units: str,
    b_target: str,
    cash: str,
    restriction: int = 0,
    **other: Any,
) -> Account:
    """A at $100 in several sleeves, B at $50 in one."""
    return account(
        [security("A", "100", restriction=restriction), security("B", "50")],
        [*(position("A", units[name], targets[name], name) for name in units), position("B", b_units, b_target)],
        cash=cash,
        cash_target="2",
        **other,
    )


def overdrawn(a_units: str) -> Account:
    """A at $1, target 97 %, and B at $1, 0.2 % of target 1 %: more than the account is worth, so cash is a debt."""
    return account(
        {"A": "1", "B": "1"},
        [position("A", a_units, "97"), position("B", "20", "1")],
        cash=str(9980 - int(a_units)),
        cash_target="2",
    )


def dear(price: int, held: int) -> Account:
    """A: a dear share, target 10 % (band $800 to $1,200); B: $10 shares, the rest; cash $200."""
    return account(
        {"A": str(price), "B": "10"},
        [position("A", str(held), "10"), position("B", str((9800 - held * price) // 10), "88")],
        cash="200",
        cash_target="2",
    )


def swapped(x_units: str, y_units: str, cash: str) -> Account:
    """Y ($50, target 0) stands in for X ($100, target 30); Z: 680 x $10, target 68."""
    return account(
        [security("X", "100", substitute="Y"), security("Y", "50"), security("Z", "10")],
        [position("X", x_units, "30"), position("Y", y_units, "0"), position("Z", "680", "68")],
        cash=cash,
        cash_target="2",
    )


def replaced_short(cash: str, **other: Any) -> Account:
    """Y ($50) stands in for X (10 % of 30 %, at $100); Z, $10, target 68, is all the rest and may not be sold."""
    return account(
        [security("X", "100", substitute="Y"), security("Y", "50"), security("Z", "10", restriction=NO_SELL)],
        [position("X", "10", "30"), position("Y", "0", "0"), position("Z", str(900 - int(cash) // 10), "68")],
        cash=cash,
        cash_target="2",
        **other,
    )


def replaced_twice(of_w: str, of_x: str) -> Account:
    """W (target 20) and X (30), 10 % each held, at $100, each with a substitute; Y $50, target 0; Z 480 x $10."""
    return account(
        [
            security("W", "100", substitute=of_w),
            security("X", "100", substitute=of_x),
            security("Y", "50"),
            security("Z", "10"),
        ],
        [position("W", "10", "20"), position("X", "10", "30"), position("Y", "0", "0"), position("Z", "480", "48")],
        cash="3200",
        cash_target="2",
    )


def sells_ab(*lots: Lot, **other: Any) -> Account:
    """A and B at $100, 40 % each, targets 30 %: both sell 10.  C at $50, 18 %, target 38 %: wants 40.  Cash 2 %.

    Best Fit: sells 2000, buys 40 C.
    """
    return account(
        {"A": "100", "B": "100", "C": "50"},
        [position("A", "40", "30"), position("B", "40", "30"), position("C", "36", "38")],
        lots=[*lots, lot("C", "36", "50")],
        **{"cash": "200", "cash_target": "2", **other},
    )


def sells_a(*lots: Lot, units: str = "70", target: str = "60", **other: Any) -> Account:
    """A at $100, 70 % against 60 %: sells 10.  B at $50: 30 % - 2 % against 38 %: 56, wants 20.  Cash 2 %."""
    return account(
        {"A": "100", "B": "50"},
        [position("A", units, target), position("B", "56", "38")],
        lots=[*lots, lot("B", "56", "50")],
        **{"cash": "200", "cash_target": "2", **other},
    )


def both_at(*lots: Lot, a: str = "40", **limits: Any) -> Account:
    """A and B at $100, 40 % against 30 % (A perhaps less): B sells 10; C at $50 is bought with what they bring."""
    held = {"A": a, "B": "40", "C": str(2 * (98 - 40 - int(a)))}
    return account(
        {"A": "100", "B": "100", "C": "50"},
        [position(name, held[name], target) for name, target in (("A", "30"), ("B", "30"), ("C", "38"))],
        lots=lots,
        **{"cash": "200", "cash_target": "2", **limits},
    )


def barred_substitute() -> Account:
    """X, Y and Z as in `swapped`, but Y may not be bought."""
    given = swapped("10", "0", "2100")
    securities = [
        replace(listed, restriction=NO_BUY if listed.security_id == "Y" else 0) for listed in given.securities
    ]
    return replace(given, securities=securities, positions=[*given.positions[:2], position("Z", "690", "68")])


NETTED_ACCOUNT = ({"S1": "30", "S2": "0"}, {"S1": "10", "S2": "12"}, "130", "76", "500")
THREE = {"A": "170", "B": "110", "D": "25"}
A20, A_ST20 = lot("A", "70", "80"), lot("A", "70", "80", NEW)  # a gain of $20 a share
