"""When a worker stands still: what was read and not committed, look by look, with the time given."""

import pytest

from shared.kafka.stall_watch import Backlog, Partition, look, stuck

pytestmark = pytest.mark.fast
A, B = Partition("work.lots", 0), Partition("work.lots", 1)


@pytest.mark.parametrize(
    ("rule", "before", "read", "committed", "after"),
    [
        ("what is read for the first time waits from now", {}, {A: 7}, {A: 7}, {A: Backlog(7, 7, 0.0)}),
        ("also before the first commit", {}, {A: 7}, {}, {A: Backlog(None, 7, 0.0)}),
        (
            "what was not committed since waits longer",
            {A: Backlog(7, 7, 3.0)},
            {A: 7},
            {A: 7},
            {A: Backlog(7, 7, 8.0)},
        ),
        ("though more is read", {A: Backlog(7, 7, 3.0)}, {A: 9}, {A: 7}, {A: Backlog(7, 9, 8.0)}),
        ("also without a first commit", {A: Backlog(None, 7, 3.0)}, {A: 7}, {}, {A: Backlog(None, 7, 8.0)}),
        ("a commit begins anew", {A: Backlog(7, 9, 90.0)}, {A: 9}, {A: 8}, {A: Backlog(8, 9, 0.0)}),
        ("so does the first", {A: Backlog(None, 9, 90.0)}, {A: 9}, {A: 8}, {A: Backlog(8, 9, 0.0)}),
        ("all is committed: nothing waits", {A: Backlog(7, 9, 90.0)}, {A: 9}, {A: 10}, {}),
        ("an idle partition never waits", {}, {A: 9}, {A: 10}, {}),
        ("and what comes after an idle time waits from now", {}, {A: 10}, {A: 10}, {A: Backlog(10, 10, 0.0)}),
        ("nothing is read: nothing is known to wait", {}, {}, {A: 10}, {}),
        ("after a rebalance nothing is known", {A: Backlog(7, 9, 90.0)}, {}, {}, {}),
        (
            "each partition by itself",
            {A: Backlog(7, 9, 90.0), B: Backlog(3, 3, 1.0)},
            {A: 9, B: 3},
            {A: 9, B: 3},
            {A: Backlog(9, 9, 0.0), B: Backlog(3, 3, 6.0)},
        ),
    ],
)
def test_rule(
    rule: str,
    before: dict[Partition, Backlog],
    read: dict[Partition, int],
    committed: dict[Partition, int],
    after: dict[Partition, Backlog],
) -> None:
    assert look(before, read, committed, 5.0) == after, rule


def test_only_what_waited_longer_than_the_patience_is_said() -> None:
    backlogs = {B: Backlog(None, 12, 180.4), A: Backlog(7, 9, 181.0)}
    read = "and messages up to offset"
    assert stuck(backlogs, 180.0) == [
        f"work.lots-0: nothing from offset 7 on has been committed for 181 s, {read} 9 have been read",
        f"work.lots-1: nothing has been committed for 180 s, {read} 12 have been read",
    ]
    assert stuck({A: Backlog(7, 9, 180.0)}, 180.0) == []
