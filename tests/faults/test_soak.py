"""An hour under load: memory, open files, connections, outbox and lag stay where they are.

The judge is in `flatness.py`, and a short run is too short for it: an ordinary one looks that every figure is taken.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from deploy.stack import Stack, table
from services.batch.cli import positions
from shared.kafka.lag import LagWatch, worker_groups
from shared.runtime import metrics
from tests.books import a_book, load_book
from tests.faults import card, flatness
from tests.faults.card import Outcome
from tests.faults.flatness import Point, Series
from tests.faults.harness import unsent
from tests.faults.load import PATIENCE_S, Load, reconcile
from tests.waiting import aside, until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(card.trials(900, 2 * 3600), func_only=True)]
LASTS_S = card.trials(6, 3600)
EVERY_S = card.trials(1, 5)
APPROVED_SHARE = 0.02
"""Few, because approved accounts are settling from then on, and an hour must not run out of them."""
OWN, FILES, SESSIONS, OUTBOX, LAG = "own memory", "open files", "database sessions", "outbox", "consumer lag"
ALLOWED_PER_H = {OWN: 1.0, FILES: 1.0, SESSIONS: 1.0, OUTBOX: 5.0, LAG: 50.0}
UNITS = {OWN: "MiB", FILES: "files", SESSIONS: "sessions", OUTBOX: "rows", LAG: "records"}
BOUND_MIB = {"kafka": 768}
"""The broker grows to the 512 MiB of heap that it is given, and clears them only then; some memory is beside the heap.
Judged is that it stays below this, not that it is flat."""
_Key = tuple[str, str]  # kind of figure, process: "" for figures of the whole


@pytest.fixture
def soaked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """For the card a stack of every program; otherwise the one of all fault tests."""
    if not card.FOLDER:
        yield request.getfixturevalue("hurt_stack")
        return
    request.getfixturevalue("built_ui")
    folder = tmp_path_factory.mktemp("soak")
    with Stack(folder / "stack", table.SERVICES) as stack:
        load_book(stack, a_book(folder / "book", accounts=4000))
        yield stack


def test_nothing_grows(soaked: Stack) -> None:
    watch = Watch(soaked)
    with Load(soaked, card.SEED, APPROVED_SHARE) as load:
        load.one_more()
        begun = watch.starts()
        end_s = time.monotonic() + LASTS_S
        while (now_s := time.monotonic()) < end_s:
            watch.look()
            until(lambda at_s=now_s + EVERY_S: time.monotonic() >= at_s)  # type: ignore[misc]  # bound to this turn
        load.one_more()
    assert watch.starts() == begun, "a process was started again"
    found = reconcile(soaked, load.ledger)
    until(watch.lag, lambda records: records == 0, PATIENCE_S)
    series = watch.series()
    assert {len(each.points) for each in series} == {watch.looks}, "every figure was taken each time"
    growing = len(watch.beyond_bounds())
    if card.FOLDER:
        verdicts = [flatness.judge(each) for each in series]
        print(f"\n{len(load.ledger)} batches in {LASTS_S} s\n{flatness.table(verdicts)}")
        growing += sum(verdict.grows for verdict in verdicts)
    card.keep(Outcome("F20", 1, found.lost, found.doubled, growing))


class Watch:
    """Looks at every process of a stack and at its stores, again and again."""

    def __init__(self, stack: Stack) -> None:
        self.looks = 0
        self._stack = stack
        self._began_s = time.monotonic()
        self._points: dict[_Key, list[Point]] = defaultdict(list)
        groups = {**worker_groups(), **positions.GROUPS}
        self._lag = LagWatch(stack.addresses.kafka, groups)

    def starts(self) -> dict[str, tuple[int, int]]:
        """Return the process id and the number of starts of everything that runs."""
        status = self._stack.status()
        return {name: (seen["pid"], seen["starts"]) for name, seen in status.items() if seen["pid"] is not None}

    def look(self) -> None:
        """Take every figure once, after everybody has been scraped as Prometheus would do it."""
        for name in self._stack.services:
            httpx.get(f"{self._stack.addresses.probes(name)}/metrics", timeout=30)
        self.looks += 1
        for name, (pid, _) in self.starts().items():
            family = family_of(pid)
            self._note((OWN, name), sum(own_mib(each) for each in family))
            self._note((FILES, name), sum(open_files(each) for each in family))
        self._note((SESSIONS, ""), sessions(self._stack))
        self._note((OUTBOX, ""), unsent(self._stack))
        self._note((LAG, ""), self.lag())

    def lag(self) -> float:
        """Return how many messages all consumer groups have not handled yet."""
        aside(self._lag.sample())
        return sum(sample.value for metric in metrics.LAG_RECORDS.collect() for sample in metric.samples)

    def series(self) -> list[Series]:
        """Return all figures."""
        return [
            Series(f"{kind} {process}".strip(), UNITS[kind], _allowed_per_h(kind, process), points)
            for (kind, process), points in self._points.items()
        ]

    def beyond_bounds(self) -> list[str]:
        """Return the processes whose memory passed their bound at some time."""
        return [
            process
            for process, bound_mib in BOUND_MIB.items()
            if max(mib for _, mib in self._points[OWN, process]) > bound_mib
        ]

    def _note(self, key: _Key, value: float) -> None:
        self._points[key].append((time.monotonic() - self._began_s, value))


def _allowed_per_h(kind: str, process: str) -> float:
    return math.inf if kind == OWN and process in BOUND_MIB else ALLOWED_PER_H[kind]


def family_of(pid: int) -> list[int]:
    """Return a process and all its descendants: each session of the database is one."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(each for child in children for each in family_of(int(child)))]


def own_mib(pid: int) -> float:
    """Return the memory that a process shares with no file and no shared buffer; 0 of one that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")) / 1024


def open_files(pid: int) -> int:
    """Return how many files and sockets a process has open; 0 of one that has just ended."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return 0


def sessions(stack: Stack) -> int:
    """Return how many sessions the services have at the database."""
    with psycopg.connect(stack.addresses.admin_database("rebalancer")) as connection:
        counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'rebalancer%'"
        row = connection.execute(counted).fetchone()
    assert row is not None
    return int(row[0])
