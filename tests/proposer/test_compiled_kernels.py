"""One text, compiled and plain: both give the same bytes; and shortcuts give what the long way gives."""

import hashlib
import os
import subprocess
import sys
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from services.proposer.columns.proposals import propose
from shared.fixed_point.text import scaled
from tests.proposer.builders import BF, FRACTIONAL, TRADE_DAY, WHOLE, Account, account, position, security
from tests.proposer.harness import batch_of, proposal
from tests.proposer.strategies import Shape, generated, taxed

pytestmark = pytest.mark.fast


def digest() -> str:
    """Return a digest of what is proposed for 300 generated accounts; other processes print it."""
    shapes = (Shape(), Shape(most_securities=3, sleeves=5), Shape(restricted=0.3, substituted=0.8, fractional=0.5))
    accounts = [generated(seed, shapes[seed % 3]) for seed in range(150)]
    batch = batch_of([*accounts, *(taxed(each) for each in accounts)])
    return hashlib.sha256(propose(batch, TRADE_DAY).serialize().to_pybytes()).hexdigest()


def test_plain_python_and_compiled_kernels_give_the_same_bytes() -> None:
    program = "from tests.proposer.test_compiled_kernels import digest; print(digest())"
    plain = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parent.parent.parent, env={**os.environ, "REBALANCER_PLAIN_KERNELS": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert plain.stdout.strip() == digest()
    assert "Warning" not in plain.stderr, plain.stderr


def pennies(
    price_a: str,
    price_b: str,
    cash: str,
    names: str = "AB",
    targets: tuple[str, str] = ("30", "30.3"),
    step_b: int = WHOLE,
) -> Account:
    """Cash is short by half; E is too dear for its share, so much is left for single units of A and B."""
    return account(
        [
            security(names[0], price_a),
            security(names[1], price_b, step_micro=step_b),
            security("C", "100", restriction=2),
            security("E", "3900"),
        ],
        [
            *(position(name, "0", target) for name, target in zip(names, targets, strict=True)),
            position("C", "60", "0"),
            position("E", "0", str(100 - sum(map(Decimal, targets)))),
        ],
        cash=cash,
    )


@pytest.mark.parametrize("names", ["AB", "YZ", "AZ"])
@pytest.mark.parametrize("targets", [("30", "30.3"), ("30.3", "30")])
def test_many_single_units_are_bought_like_one_by_one(names: str, targets: tuple[str, str]) -> None:
    """Of 4000 E's share is 1588, which buys none of it; A and B take that up, always the one that lacks more.

    So at the end of the cash both lack as much, to the price of a unit, wherever they stand.
    """
    result = proposal(pennies("0.05", "0.07", "4000", names, targets), BF)
    bought = {name: units // 1_000_000 for name, units in result.orders.items()}
    first, second = (scaled(target, 4) for target in targets)  # cents
    lacks_a, lacks_b = first - bought[names[0]] * 5, second - bought[names[1]] * 7
    assert result.cash < 7
    assert abs(lacks_a - lacks_b) <= 7 + 5  # the last cents may pay for an A only


@pytest.mark.parametrize("names", ["AB", "YZ"])
def test_a_fraction_has_its_turn_among_many_single_units(names: str) -> None:
    """Of 4000 the shares are 1240, 1200 in fractions, and E's 1560, which buys none of it.

    The first then lacks 1860, 60 more than the fraction: 1200 units at 0.05.  Then the fraction takes the other 1500.
    """
    result = proposal(pennies("0.05", "0.07", "4000", names, ("31", "30"), FRACTIONAL), BF)
    assert result.orders == {names[0]: 26_000 * WHOLE, names[1]: 17_142_857_142 + 21_428_571_428}
    assert result.cash == 0


def test_penny_shares_take_no_longer_than_others() -> None:
    """With a price of $0.000001 millions of millions of single units would be bought: they are bought at once."""
    started = time.process_time()
    result = proposal(pennies("0.000001", "0.000002", "4000"), BF)
    assert result.failure is None and result.cash <= 1
    assert time.process_time() - started < 5


def test_a_large_account_is_as_exact_as_a_small_one() -> None:
    """Ten thousand million dollars: dollars are held in coarser units, whole shares come out the same."""
    small = account(
        {"A": "70", "B": "10"}, [position("A", "93", "50"), position("B", "300", "48")], cash="490", cash_target="2"
    )
    factor = 1_000_000
    large = replace(
        small,
        positions=[replace(held, quantity_micro=held.quantity_micro * factor) for held in small.positions],
        cash_cents=small.cash_cents * factor,
    )
    # A keeps 5,000,000,000 / 70 = 71,428,571.4 units, sells 21,571,428 for 1,509,999,960.  With 490,000,000 of cash, of
    # which 200,000,000 stay, B may cost 1,799,999,960; to 48 % it would be 1,800,000,000.
    assert proposal(large, BF).orders == {"A": -21_571_428 * 10**6, "B": 179_999_996 * 10**6}
