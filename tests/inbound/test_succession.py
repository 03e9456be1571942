"""Which version follows which, as a table."""

import pytest

from shared.contracts.platform import SecurityChanged
from shared.contracts.succession import MAX_LEAP, Known, admit, content_of


def event(version: int, name: str = "one") -> SecurityChanged:
    return SecurityChanged(security_id="S", version=version, name=name, kind="STOCK")


def kept(version: int, name: str = "one") -> Known:
    return Known(version, content_of(event(version, name)))


LEAP, OTHER = "higher at most", "has come before with other content"


@pytest.mark.parametrize(
    ("before", "group", "newest", "refused"),
    [
        (None, [event(1)], event(1), {}),
        (kept(5), [event(6)], event(6), {}),
        (kept(5), [event(4)], None, {}),  # older: passed over
        (kept(5), [event(4, "two")], None, {}),
        (kept(5), [event(5)], event(5), {}),  # delivered again
        (kept(5), [event(5, "two")], None, {0: OTHER}),
        (Known(5, None), [event(5, "two")], event(5, "two"), {}),  # stored before digests were kept
        (None, [event(2, "one"), event(2, "two")], event(2, "one"), {1: OTHER}),  # the first that came stays
        (None, [event(2), event(1, "two"), event(3, "two")], event(3, "two"), {}),
        (None, [event(MAX_LEAP)], event(MAX_LEAP), {}),
        (None, [event(MAX_LEAP + 1), event(1)], event(1), {0: LEAP}),
        (kept(5), [event(MAX_LEAP + 5)], event(MAX_LEAP + 5), {}),
        (kept(5), [event(MAX_LEAP + 6), event(6)], event(6), {0: LEAP}),
    ],
)
def test_versions(
    before: Known | None, group: list[SecurityChanged], newest: SecurityChanged | None, refused: dict[int, str]
) -> None:
    found = admit(group, lambda change: change.security_id, {} if before is None else {"S": before})
    assert found.newest == ([] if newest is None else [newest])
    assert found.refused.keys() == refused.keys()
    for index, text in refused.items():
        assert text in found.refused[index]
    assert found.named == (["S"] if len(refused) < len(group) else [])


def test_a_default_that_is_spelled_out_is_no_other_content() -> None:
    assert content_of(event(1)) == content_of(event(1).model_copy(update={"lot_size": 1}))
    assert content_of(event(1)) != content_of(event(1).model_copy(update={"lot_size": 2}))
