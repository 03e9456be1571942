"""Values of a chunk that its types allow and its contract does not: days and instants that no calendar has."""

from datetime import UTC, date, datetime
from typing import Any, Final

import pyarrow as pa
import pytest

from shared.contracts import value_checks

pytestmark = pytest.mark.fast
DAY: Final = pa.date32()
INSTANT: Final = pa.timestamp("us", "UTC")
DAY_US: Final = 86_400_000_000
FIRST, LAST = (date(1, 1, 1) - date(1970, 1, 1)).days, (date(9999, 12, 31) - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("kind", "value", "is_good"),
    [
        (DAY, FIRST, True),
        (DAY, FIRST - 1, False),
        (DAY, LAST, True),
        (DAY, LAST + 1, False),
        (INSTANT, FIRST * DAY_US, True),
        (INSTANT, FIRST * DAY_US - 1, False),
        (INSTANT, (LAST + 1) * DAY_US - 1, True),
        (INSTANT, (LAST + 1) * DAY_US, False),
        (INSTANT, 2**63 - 1, False),
        (INSTANT, None, True),
    ],
)
def test_days_and_instants_are_of_the_years_1_to_9999(kind: Any, value: int | None, is_good: bool) -> None:
    raw = pa.array([0, value], pa.int32() if kind == DAY else pa.int64())
    for column in (
        raw.view(kind),
        pa.ListArray.from_arrays([0, 1, 2], pa.StructArray.from_arrays([raw.view(kind)], ["at"])),
    ):
        rows = pa.RecordBatch.from_arrays([column], ["when"])
        if is_good:
            value_checks.check(rows)
        else:
            with pytest.raises(ValueError, match="outside of the years 1 to 9999"):
                value_checks.check(rows)


def test_what_is_let_through_can_be_read() -> None:
    ends = pa.array([FIRST * DAY_US, (LAST + 1) * DAY_US - 1]).view(INSTANT)
    assert ends.to_pylist() == [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
