"""Accounts by hand that the tables share.

Unless a builder says otherwise V = $10,000, threshold 20 % and precision 4 % of target, floor 0.5 points, cash target
2 % (band 1.5 to 2.5 %: $150 to $250), whole shares.
"""

from dataclasses import dataclass, replace
from typing import Any

from shared.contracts.codes import Logic, Restriction
from shared.fixed_point.text import scaled
from tests.proposer.build import Account, account, position, proposal, security

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


def barred_substitute() -> Account:
    """X, Y and Z as in `swapped`, but Y may not be bought."""
    given = swapped("10", "0", "2100")
    securities = [
        replace(listed, restriction=NO_BUY if listed.security_id == "Y" else 0) for listed in given.securities
    ]
    return replace(given, securities=securities, positions=[*given.positions[:2], position("Z", "690", "68")])


@dataclass(frozen=True)
class Case:
    rule: str
    given: Account
    logic: Logic
    trades: dict[str, str]  # "A" or "A/S2" -> units
    cash: str


def check(case: Case) -> None:
    """Propose for the account of the case and compare trades and ending cash with what it says."""
    result = proposal(case.given, case.logic)
    assert result.failure is None, result.summary["failure_text"]
    assert result.trades == {_position_key(name): scaled(units, 6) for name, units in case.trades.items()}
    assert result.cash == scaled(case.cash, 2)


def _position_key(name: str) -> tuple[str, str]:
    security_id, _, sleeve_id = name.partition("/")
    return security_id, sleeve_id or "S1"


NETTED_ACCOUNT = ({"S1": "30", "S2": "0"}, {"S1": "10", "S2": "12"}, "130", "76", "500")
THREE = {"A": "170", "B": "110", "D": "25"}
