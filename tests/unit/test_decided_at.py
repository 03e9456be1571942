"""When the approvals of a chunk were decided: an instant with its offset, or nothing in what early releases sent."""

from datetime import UTC, datetime

import pytest

from shared.kafka.messages import BadMessage, decided_at_of

pytestmark = pytest.mark.fast


def test_an_instant_is_read_with_its_offset() -> None:
    assert decided_at_of({"decided_at": "2026-06-12T10:00:00.000001-04:00"}) == datetime(2026, 6, 12, 14, 0, 0, 1, UTC)
    assert decided_at_of({"batch_id": "7"}) is None


@pytest.mark.parametrize("said", ["", "2026-06-12T10:00:00", "2026-06-12", "yesterday", "2026-13-01T00:00:00+00:00"])
def test_what_is_no_instant_with_an_offset_is_refused(said: str) -> None:
    with pytest.raises(BadMessage, match="no instant with its offset") as refused:
        decided_at_of({"decided_at": said})
    assert refused.value.code == "bad_instant"
