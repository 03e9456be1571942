"""What becomes of each entry of a price set."""

import pytest

from services.analyzer.domain.prices import read_entries
from shared.contracts.platform import PricePoint


@pytest.mark.parametrize(
    ("texts", "micro", "problems", "notes"),
    [
        (["1.5"], 1_500_000, [], []),
        (["1.50000000"], 1_500_000, [], []),
        (["1.1234565"], 1_123_457, [], ["AAA: price 1.1234565 is rounded to 1.123457"]),  # half away from zero
        (["1.12345649"], 1_123_456, [], ["AAA: price 1.12345649 is rounded to 1.123456"]),
        (["0.0000004"], None, ["AAA: price 0.0000004 is outside 0.000001 to 1000000"], []),
        (["0"], None, ["AAA: price 0 is outside 0.000001 to 1000000"], []),
        (["1000000"], 10**12, [], []),
        (["1000000.000001"], None, ["AAA: price 1000000.000001 is outside 0.000001 to 1000000"], []),
        (["999999999999999999.9"], None, ["AAA: price 999999999999999999.9 is outside 0.000001 to 1000000"], []),
        (["2", "2.0"], 2_000_000, [], []),
        (["2", "3"], None, ["AAA: it has several prices in one set, 2 and 3"], []),
    ],
)
def test_entries(texts: list[str], micro: int | None, problems: list[str], notes: list[str]) -> None:
    points = [PricePoint(security_id="AAA", price=text) for text in texts]
    found = read_entries([*points, PricePoint(security_id="BBB", price="7")], ["unread"])
    assert found.micro == {"BBB": 7_000_000} | ({} if micro is None else {"AAA": micro})
    assert sorted(found.problems) == sorted([*problems, "unread"])
    assert found.notes == notes
