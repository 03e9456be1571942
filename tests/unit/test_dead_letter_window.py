"""The count of dead letters in the last minute, and what it keeps for that."""

import tracemalloc
from types import SimpleNamespace

import pytest

from shared.kafka import dead_letter_window
from shared.kafka.dead_letter_window import WINDOW_S, Window
from shared.runtime.settings import ProcessorLimits

pytestmark = pytest.mark.fast


@pytest.fixture
def now_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time by the window's clock, in a list: tests move it."""
    now_s = [1000.0]
    monkeypatch.setattr(dead_letter_window, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    return now_s


@pytest.mark.parametrize("free", [0, 5])
def test_what_is_kept_of_messages_does_not_grow(now_s: list[float], free: int) -> None:
    """Ten messages a second, for hours, and never a dead letter: so it is where all goes well."""
    window = Window(ProcessorLimits(), free)

    def goes_well(seconds: int) -> int:
        for _ in range(10 * seconds):
            now_s[0] += 0.1
            window.count_messages(1)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = goes_well(2 * int(WINDOW_S))
        assert goes_well(3600) - first < 16 * 1024
    finally:
        tracemalloc.stop()


def test_dead_letters_are_weighed_against_the_messages_of_the_last_minute(now_s: list[float]) -> None:
    limits = ProcessorLimits()
    window = Window(limits)
    window.count_messages(1_000_000)
    for _ in range(30):
        window.count_dead_letter()
    assert window.burst() is None
    now_s[0] += WINDOW_S / 2
    for _ in range(30):
        window.count_dead_letter()
    now_s[0] += WINDOW_S / 2 + 1
    window.count_messages(1)
    assert window.burst() == "30 of the 1 messages of the last minute were put aside"
