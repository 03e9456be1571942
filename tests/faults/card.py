"""The card of faults: what is brought about on purpose, how often, and what it cost.

A test of the card takes its number of trials from `trials` and tells the outcome to `keep`.  In an ordinary run it
makes few trials and writes nothing; `python -m tests.faults` makes many and writes docs/reliability.md from them.
"""

import json
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

FOLDER: Final = os.environ.get("REBALANCER_CARD_FOLDER", "")
"""Where outcomes are written; empty in an ordinary run."""
SEED: Final = int(os.environ.get("REBALANCER_CARD_SEED", "1"))
REACH_S: Final = 30.0


class Fault(NamedTuple):
    """A line of the card.  tests: the pytest nodes that bring it about."""

    what: str
    tests: Sequence[str]


_LOAD = "tests/faults/test_under_load.py::"
_DELIVERIES = "tests/faults/test_deliveries.py::"
FAULTS: Final[Mapping[str, Fault]] = {
    "F1": Fault("kill -9 of each service under load", (f"{_LOAD}test_killed",)),
    "F2": Fault("each service hangs (SIGSTOP) under load", (f"{_LOAD}test_hanging",)),
    "F3": Fault(
        "the database is killed under load; its leader dies and the standby takes over",
        (f"{_LOAD}test_the_database_killed", "tests/faults/test_standby_takes_over.py"),
    ),
    "F5": Fault("the broker is away for ten minutes under load", (f"{_LOAD}test_the_broker_away",)),
    "F6": Fault("the disk of the database, or of the broker, is full under load", ("tests/faults/test_disk_full.py",)),
    "F8": Fault(
        "two people approve the same batch at once",
        ("tests/batch/test_races.py::test_two_approvals_at_once_give_one_approval_and_one_set_of_orders",),
    ),
    "F9": Fault(
        "approval, cancelling, removal and the end of the day race one another on two replicas",
        ("tests/batch/test_races.py::test_decisions_that_race_give_one_outcome_each",),
    ),
    "F10": Fault(
        "every message that our services consume comes again under load, in another order and on other partitions",
        (f"{_DELIVERIES}test_everything_delivered_again_in_another_order",),
    ),
    "F11": Fault(
        "messages of every topic, broken in every way, between good ones", ("tests/fuzz/test_every_topic.py",)
    ),
    "F12": Fault(
        "browsers read live updates and files slowly or not at all; a subscriber stops reading under load",
        ("tests/faults/test_slow_readers.py",),
    ),
    "F13": Fault(
        "ten years of business days and their cut-offs: half days, changes of clocks, leap days, a clock put back",
        ("tests/batch/test_ten_years.py",),
    ),
    "F14": Fault(
        "a second replica of each service joins under load, and the first or the second leaves, in order or by force",
        (f"{_DELIVERIES}test_replicas_join_and_leave_again_and_again",),
    ),
    "F15": Fault(
        "every route with ids of another enterprise, with each role",
        ("tests/tenancy/test_walk.py::test_what_is_not_yours_is_answered_as_what_is_not_there",),
    ),
    "F16": Fault(
        "rows of the audit log changed, removed and cut off by force",
        ("tests/gateway/test_audit.py::test_any_change_by_force_is_found",),
    ),
    "F17": Fault(
        "the release before is replaced by this one under load, program after program, and put back",
        ("tests/faults/test_upgrade_under_load.py",),
    ),
    "F18": Fault(
        "the database is restored from a backup to an earlier moment, step by step as docs/restore.md says, under load",
        ("tests/faults/test_the_restore.py",),
    ),
    "F20": Fault(
        "an hour under load: memory, open files, sessions, outbox and lag of every process",
        ("tests/faults/test_soak.py::test_nothing_grows",),
    ),
}


class Outcome(NamedTuple):
    """What trials of one fault came to.

    lost: acknowledged and not there; doubled: done twice; leaked: shown to whom it does not concern, not noticed, or a
    figure that grows.
    recoveries_s: seconds until everything was ready again, one for each trial where something went away.
    """

    fault: str
    trials: int
    lost: int = 0
    doubled: int = 0
    leaked: int = 0
    recoveries_s: tuple[float, ...] = ()
    seed: int = SEED


def trials(few: int, many: int) -> int:
    """Return how many trials to make: few in an ordinary run, many for the card."""
    return many if FOLDER else few


def keep(outcome: Outcome) -> None:
    """Write the outcome down if this is a run for the card, and fail if anything was lost, doubled or leaked."""
    assert outcome.fault in FAULTS
    if FOLDER:
        (Path(FOLDER) / f"{uuid.uuid4()}.json").write_text(json.dumps(outcome._asdict()))
    assert (outcome.lost, outcome.doubled, outcome.leaked) == (0, 0, 0), outcome


def summed(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Any]]:
    """Return one record for each fault: counts added, times of recovery as median, 95th percentile and longest."""
    kept: dict[str, dict[str, Any]] = {}
    recoveries: dict[str, list[float]] = {}
    for outcome in outcomes:
        record = kept.setdefault(outcome.fault, {"trials": 0, "lost": 0, "doubled": 0, "leaked": 0})
        for name in record:
            record[name] += getattr(outcome, name)
        recoveries.setdefault(outcome.fault, []).extend(outcome.recoveries_s)
    for fault, record in kept.items():
        record["recovery_s"] = [round(seconds, 1) for seconds in spread(recoveries[fault])]
    return kept


def spread(seconds: Sequence[float]) -> list[float]:
    """Return the median, the 95th percentile (nearest rank) and the longest; nothing of nothing."""
    if not seconds:
        return []
    ordered = sorted(seconds)
    ranks = [-(-len(ordered) * percent // 100) for percent in (50, 95, 100)]
    return [ordered[rank - 1] for rank in ranks]


def page(measured: Mapping[str, Mapping[str, Any]]) -> str:
    """Return docs/reliability.md.  measured: the last record of each fault, with `date`, `commit` and `seed`."""
    lines = []
    for name, fault in FAULTS.items():
        record = measured.get(name)
        if record is None:
            lines.append(f"| {name} | {fault.what} | not measured | | | | | |")
            continue
        recovery = " / ".join(f"{seconds:.1f}" for seconds in record["recovery_s"])
        counts = " | ".join(f"{record[count]:,}" for count in ("trials", "lost", "doubled", "leaked"))
        where = f"{record['date']}, {record['commit']}, seed {record['seed']}"
        lines.append(f"| {name} | {fault.what} | {counts} | {recovery} | {where} |")
    machines = sorted({record["machine"] for record in measured.values()})
    return _PAGE.format(
        reach=f"{REACH_S:.0f}", rows="\n".join(lines), machines="\n".join(f"- {machine}" for machine in machines)
    )


_PAGE: Final = """# What it survives

Generated by `make card`, which brings each fault about and counts. `make card ARGS="F1 F5"` does some; `make test` does
a few trials of each. What is promised, whatever fails:

1. What was acknowledged is never lost: a command that was answered with success, a custodian's file that was taken in.
2. Nothing is done twice: a command that is sent again under its key acts once; orders of an approval leave once. An
   event may arrive twice, with the same id and the same bytes.
3. Nobody sees what belongs to another enterprise.
4. After a fault everything goes on with nobody acting, within {reach} s of the end of the fault at the 95th percentile.
5. What cannot be done is refused in words, never answered wrongly.

| | fault | trials | lost | doubled | leaked | recovery: median / p95 / longest, s | measured |
|---|---|---|---|---|---|---|---|
{rows}

*Lost*: acknowledged and not there at the end. *Doubled*: two batches for one key, or two orders of an approval with
different ids. *Leaked*: a row of another enterprise, a change by force that was not noticed, or a figure that grows.
*Recovery*: from the fault until every process is ready again and a command begun after it has been done.

Measured on:

{machines}

What it does not survive: the loss of the database's leader and its standby together, and the loss of the broker's disk
together with that of the database. A day whose files a custodian never sends stays a day without them, and says so.
"""
