"""What the operations page shows of the metrics of all processes: which figures, from when each is, and what is wrong.

Pure: samples in, rows out.  The limits are those of the alerts, whose pages the rows name.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Samples = Sequence[tuple[str, Mapping[str, str], float]]
"""Name, labels and value of each series that a process exports."""
Kind = Literal["count", "age", "instant", "sessions"]
_STALE: Final = "rebalancer_sample_age_seconds"
NOT_KNOWN: Final = "not known"


@dataclass(frozen=True)
class ProcessReading:
    """What is known of a process.

    samples: of the last time it responded, age_s seconds ago; None: never.  up: whether it responds now.  waiting_for:
    why it is not ready.  troubles: how many it names beside that.
    """

    name: str
    up: bool
    age_s: float | None
    samples: Samples = ()
    waiting_for: tuple[str, ...] = ()
    troubles: int = 0

    @property
    def made_of(self) -> tuple[str, str]:
        """Version and commit."""
        found = [labels for name, labels, _ in self.samples if name == "rebalancer_build_info"]
        return (found[0]["version"], found[0]["commit"][:12]) if found else (NOT_KNOWN, NOT_KNOWN)


@dataclass(frozen=True)
class FigureSpec:
    """A figure of the page.

    by: the label that tells its rows apart, empty: one row.  limit: beyond it something is wrong, None: never.  alert:
    whose page in docs/runbooks says what to do.  sampler: the timer that reads it.  none: what it says while no process
    exports a series, for counters that appear with their first event.
    """

    title: str
    series: str
    kind: Kind
    by: str = ""
    limit: float | None = None
    alert: str = ""
    sampler: str = ""
    none: str = NOT_KNOWN


@dataclass(frozen=True)
class FigureRow:
    """A row: what, its value as text, from how many seconds ago (None: not known), whether it is beyond its limit."""

    title: str
    value: str
    age_s: float | None
    is_wrong: bool
    alert: str


FIGURES: Final = (
    FigureSpec("invariant", "rebalancer_invariant_broken", "count", "invariant", 0, "InvariantBroken"),
    FigureSpec("invariant last looked at", "rebalancer_invariant_look_age_seconds", "age", "invariant", 900,
               "InvariantsUnseen"),
    FigureSpec("batches", "rebalancer_batches", "count", "state", sampler="queue"),
    FigureSpec("undecided past its cut-off", "rebalancer_end_of_day_overdue_seconds", "age", "", 300, "EndOfDayOverdue",
               "queue"),
    FigureSpec("last end-of-day sweep", "rebalancer_end_of_day_last_success_timestamp_seconds", "instant", "", 120,
               "EndOfDaySweepStopped"),
    FigureSpec("batches put aside", "rebalancer_batches_parked", "count", "", 0, "BatchesParked"),
    FigureSpec("accounts", "rebalancer_accounts", "count", "state", sampler="queue"),
    FigureSpec("last daily analysis", "rebalancer_analysis_last_success_timestamp_seconds", "instant",
               sampler="analysis"),
    FigureSpec("daily analysis overdue", "rebalancer_analysis_overdue_seconds", "age", "", 3600, "AnalysisOverdue",
               "analysis"),
    FigureSpec("input behind", "rebalancer_input_sessions_behind", "sessions", "input", 2, "InputOld"),
    FigureSpec("oldest file in the inbox", "rebalancer_inbox_oldest_age_seconds", "age", "service", 900, "InboxStuck"),
    FigureSpec("lag of consumer group", "rebalancer_consumer_lag_seconds", "age", "group", 60, "ConsumerLag", "lag"),
    FigureSpec("read and not committed", "rebalancer_uncommitted_age_seconds", "age", "service", 180, "ConsumerStuck"),
    FigureSpec("outbox, oldest message", "rebalancer_outbox_oldest_age_seconds", "age", "service", 30, "OutboxOld",
               "outbox"),
    FigureSpec("messages refused by the broker", "rebalancer_outbox_parked", "count", "service", 0, "OutboxParked",
               "outbox"),
    FigureSpec("topic held", "rebalancer_topic_held", "count", "topic", 0, "TopicHeld", none="0"),
    FigureSpec("dead letters since the start", "rebalancer_dead_letters_total", "count", "service", 0, "DeadLetters",
               none="0"),
    FigureSpec("component fails", "rebalancer_part_failing", "count", "part", 0, "ComponentFailing"),
    FigureSpec("accounts at which our code failed", "rebalancer_account_faults_total", "count", "", 0, "AccountFaults"),
    FigureSpec("price sets held for review", "rebalancer_price_sets_waiting", "count", "", 0, "PricesWaiting"),
    FigureSpec("approved on withdrawn prices", "rebalancer_approvals_on_withdrawn_prices", "count", "", 0,
               "ApprovedOnWithdrawnPrices"),
)  # fmt: skip
"""In the order of the page."""


def rows(readings: Iterable[ProcessReading], now_s: float) -> list[FigureRow]:
    """Return the rows of all figures.  now_s: seconds since 1970.

    Where several processes export a series, the worst value counts, and of instants the latest.
    """
    known = [reading for reading in readings if reading.age_s is not None]
    return [row for spec in FIGURES for row in _rows_of(spec, known, now_s)]


def _rows_of(spec: FigureSpec, readings: Sequence[ProcessReading], now_s: float) -> list[FigureRow]:
    found: dict[str, tuple[float, float]] = {}  # by label: value, age
    for reading in readings:
        late_s = max(
            (value for name, labels, value in reading.samples if name == _STALE and labels["sampler"] == spec.sampler),
            default=0.0,
        )
        totals: dict[str, float] = {}
        join: Callable[[float, float], float] = (lambda a, b: a + b) if spec.series.endswith("_total") else max
        for name, labels, value in reading.samples:
            if name == spec.series:
                key = labels.get(spec.by, "")
                totals[key] = join(totals[key], value) if key in totals else value
        for key, value in totals.items():
            age_s = (reading.age_s or 0.0) + late_s
            if key not in found or value > found[key][0]:
                found[key] = (value, age_s)
    if not found:
        return [FigureRow(spec.title, spec.none, None, is_wrong=False, alert=spec.alert)]
    return [_row(spec, key, value, age_s, now_s) for key, (value, age_s) in sorted(found.items())]


def _row(spec: FigureSpec, key: str, value: float, age_s: float, now_s: float) -> FigureRow:
    title = f"{spec.title}: {key}" if key else spec.title
    if spec.kind == "instant" and value == 0:
        return FigureRow(title, "not since the start", age_s, is_wrong=False, alert=spec.alert)
    measured = now_s - value if spec.kind == "instant" else value
    text = {
        "count": f"{measured:.0f}",
        "sessions": f"{measured:.0f} sessions",
        "age": duration(measured),
        "instant": f"{duration(measured)} ago",
    }[spec.kind]
    if spec.series == "rebalancer_invariant_broken":
        text = "does not hold" if value else "holds"
    return FigureRow(title, text, age_s, spec.limit is not None and measured > spec.limit, spec.alert)


def duration(seconds: float) -> str:
    """Return seconds as people say them: 12 s, 5 min, 3 h, 2 days."""
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
