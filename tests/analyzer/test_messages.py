"""Every sentence about an evaluation, to the letter and at the edges of bands.  Source: product 3."""

from datetime import date

import pytest

from services.analyzer.domain import kernel, messages

pytestmark = pytest.mark.fast

DAY = date(2026, 1, 2)
PPB_EDGE = 10**9  # an edge is in 1e-18, so a ppb is this many
HALF = 49_999 * PPB_EDGE + PPB_EDGE // 2


@pytest.mark.parametrize(
    ("code", "security_id", "as_of", "found", "text"),
    [
        (kernel.H_MISSING_PRICE, "AAA", DAY, "MISSING_PRICE", "AAA has no price in price set 7 of 2026-01-02."),
        (
            kernel.H_STALE_PRICE,
            "AAA",
            DAY,
            "STALE_PRICE",
            "The newest prices are of 2026-01-02, too old to value AAA.",
        ),
        (kernel.H_MISSING_PRICE, "AAA", None, "MISSING_PRICE", "No prices have arrived yet: AAA cannot be valued."),
        (kernel.H_STALE_PRICE, "AAA", None, "MISSING_PRICE", "No prices have arrived yet: AAA cannot be valued."),
        (
            kernel.H_VALUE_NOT_POSITIVE,
            None,
            DAY,
            "VALUE_NOT_POSITIVE",
            "The account value is not above $0.00, so weights cannot be told.",
        ),
        (
            kernel.H_VALUE_NOT_POSITIVE,  # cash alone needs no prices
            None,
            None,
            "VALUE_NOT_POSITIVE",
            "The account value is not above $0.00, so weights cannot be told.",
        ),
        (
            kernel.H_VALUE_LIMIT,
            "AAA",
            DAY,
            "VALUE_LIMIT",
            "The value, with AAA, is above the limit of $100000000000.00.",
        ),
        (
            kernel.H_VALUE_LIMIT,
            None,
            None,
            "VALUE_LIMIT",
            "The account value is above the limit of $100000000000.00.",
        ),
    ],
)
def test_holds_of_the_kernel(code: int, security_id: str | None, as_of: date | None, found: str, text: str) -> None:
    assert messages.hold(code, security_id, 7, as_of) == (found, text)


@pytest.mark.parametrize(
    ("problem", "code", "text"),
    [
        (None, "TARGET_UNKNOWN", "Portfolio P1 is not known yet."),
        ("model M1 is not known yet", "TARGET_UNKNOWN", "The target cannot be used: model M1 is not known yet."),
        (
            "portfolio P1: weights add up to 1.1",
            "BAD_TARGET",
            "The target cannot be used: portfolio P1: weights add up to 1.1.",
        ),
    ],
)
def test_holds_of_a_target(problem: str | None, code: str, text: str) -> None:
    assert messages.target_hold("P1", problem) == (code, text)


def test_holds_of_files_that_did_not_come() -> None:
    assert messages.no_holdings() == ("NO_HOLDINGS", "No custodian file has reported this account yet.")
    assert messages.settling_overdue(DAY, 3) == (
        "SETTLING_OVERDUE",
        "Orders were to be traded on 2026-01-02, and no custodian file dated on or after that day"
        " came within 3 sessions.",
    )


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        (780_000_000, "78.00% of the account, target 60.00%: 6.00% above its band of 48.00% to 72.00%."),
        (720_000_000, "72.00% of the account, target 60.00%: 0.00% above its band of 48.00% to 72.00%."),
        (480_000_000, "48.00% of the account, target 60.00%: 0.00% below its band of 48.00% to 72.00%."),
        (120_000_000, "12.00% of the account, target 60.00%: 36.00% below its band of 48.00% to 72.00%."),
    ],
)
def test_reasons(weight: int, text: str) -> None:
    low, high = 480_000_000 * PPB_EDGE, 720_000_000 * PPB_EDGE
    assert messages.reason("AAA", "APM", weight, 600_000_000, low, high) == f"AAA in sleeve APM is {text}"
    assert messages.reason(None, None, weight, 600_000_000, low, high) == f"Cash is {text}"


@pytest.mark.parametrize(
    ("weight", "low", "high", "text"),
    [
        # 50 000 ppb are 0.005 %, shown as 0.01%; an edge of half a ppb less counts as much, one below it does not.
        (0, HALF, 10**18, "0.00% of the account, target 0.00%: 0.01% below its band of 0.01% to 100.00%."),
        (0, HALF - 1, 10**18, "0.00% of the account, target 0.00%: 0.00% below its band of 0.00% to 100.00%."),
        (9_999_999, 0, HALF, "1.00% of the account, target 0.00%: 0.99% above its band of 0.00% to 0.01%."),
        (9_999_999, 0, HALF - 1, "1.00% of the account, target 0.00%: 1.00% above its band of 0.00% to 0.00%."),
    ],
)
def test_edges_are_rounded_half_away_from_zero(weight: int, low: int, high: int, text: str) -> None:
    assert messages.reason(None, None, weight, 0, low, high) == f"Cash is {text}"
