"""`python -m benchmarks.analysis`: the daily analysis of a whole book on real PostgreSQL and Kafka, by stage.

A stack of its own (Kafka, PostgreSQL, analyzer, sweeper, batch) is started, filled through the services' own bulk code,
and analysed once so that every account has a flag. Then prices move and the measured analysis runs, from the request
for it to the last flag in the queue.  Figures are printed, never asserted.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg

from benchmarks import filling, held, processes
from benchmarks.machine import describe
from deploy.client import StackClient
from deploy.stack import Stack
from shared.contracts.codes import FlagState
from shared.rules.trading_calendar import NEW_YORK, session_after
from shared.runtime.clock import set_instant

AS_OF: Final = date(2026, 6, 11)
REACH_S: Final = 15.0
REACH_ACCOUNTS: Final = 1_000_000
_SERVICES: Final = ("analyzer", "analyzer-sweeper", "batch")
_STAGES: Final = (
    ("read", "account facts out of PostgreSQL (COPY)"),
    ("measure", "kernel: values, bands, reasons"),
    ("judge", "what changed, causes, sentences"),
    ("store", "flags into PostgreSQL (guarded upsert)"),
    ("compose", "chunks and public events made"),
    ("publish", "Kafka, acknowledged"),
)
_POLL_S: Final = 0.1
_PATIENCE_S: Final = 1800.0


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    accounts: int
    positions: int
    flagged: float


@dataclass(frozen=True)
class Run:
    """One analysis: seconds until it is finished and until batch's queue shows all of it; seconds by stage.

    others_s: processor time of everything else on the machine during the analysis, the benchmark included.
    """

    finished_s: float
    queued_s: float
    stages: dict[str, float]
    cpu: dict[str, float]
    others_s: float
    flags: int


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analysis", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000, help="accounts of the book (default 1000000)")
    parser.add_argument("--positions", type=int, default=40, help="positions an account (default 40)")
    parser.add_argument("--flagged", default="10%", help="accounts flagged, in steps of 2%% (default 10%%)")
    given = parser.parse_args()
    options = Options(given.accounts, given.positions, float(given.flagged.rstrip("%")) / 100)
    with tempfile.TemporaryDirectory(prefix="rebalancer-analysis-") as folder:
        stack = Stack(Path(folder) / "stack", _SERVICES)
        stack.layout.make()
        morning = datetime.combine(session_after(AS_OF), clock_time(6), tzinfo=NEW_YORK)  # before the daily one's time
        set_instant(stack.layout.clock_file, morning)
        with stack:
            first, second = _measure(stack, options)
            memory = processes.memory_mb(stack)
    _print(options, first, second, memory)


def _measure(stack: Stack, options: Options) -> tuple[Run, Run]:
    known = held.market(options.positions)
    say(f"filling {options.accounts:,} accounts x {options.positions} positions")
    started = time.monotonic()
    filling.fill(stack, known, options.accounts, AS_OF, say)
    say(f"filled in {time.monotonic() - started:.0f} s; the first analysis gives every account its flag")
    with StackClient(stack, [filling.ENTERPRISE]) as client:
        first = _analyse(stack, client, "SELECT count(*) FROM batch.flag", options.accounts)
        with psycopg.connect(stack.addresses.admin_database("rebalancer"), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE analyzer.flag")
            connection.execute("VACUUM ANALYZE batch.flag")
            connection.execute("CHECKPOINT")
        filling.move_prices(stack, known, options.flagged, session_after(AS_OF))
        portfolios = round(options.flagged * held.PORTFOLIOS)
        expected = sum(-(-(options.accounts - number) // held.PORTFOLIOS) for number in range(portfolios))
        queued = f"SELECT count(*) FROM batch.flag WHERE state IN (2, 3, 4, 5) AND state = {int(FlagState.FLAGGED)}"
        say(f"prices move: {expected:,} accounts leave a band")
        return first, _analyse(stack, client, queued, expected)


def _analyse(stack: Stack, client: StackClient, query: str, expected: int) -> Run:
    """Ask for an analysis and wait until it is finished and `query` counts as many flags as expected."""
    stages, cpu, machine_s = _stages(stack), processes.cpu_s(stack), processes.machine_cpu_s()
    started = time.monotonic()
    run = client.ask("analyzer", "POST", "/v1/runs")

    def finished() -> bool:
        seen: dict[str, Any] = client.ask("analyzer", "GET", "/v1/runs/latest")
        return bool(seen["run_id"] == run["run_id"] and seen["finished_at"])

    _wait(finished, "the analysis")
    finished_s = time.monotonic() - started
    with psycopg.connect(stack.addresses.admin_database("rebalancer"), autocommit=True) as connection:
        _wait(
            lambda: bool(connection.execute(query.encode()).fetchone() == (expected,)), f"{expected:,} flags at batch"
        )
    queued_s = time.monotonic() - started
    machine_s = processes.machine_cpu_s() - machine_s
    after, cpu_after = _stages(stack), processes.cpu_s(stack)
    say(f"finished after {finished_s:.1f} s, queue complete after {queued_s:.1f} s")
    used = {name: seconds - cpu.get(name, 0.0) for name, seconds in cpu_after.items()}
    return Run(
        finished_s,
        queued_s,
        {name: seconds - stages.get(name, 0.0) for name, seconds in after.items()},
        used,
        machine_s - sum(used.values()),
        expected,
    )


def _wait(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not done after {_PATIENCE_S:.0f} s")
        time.sleep(_POLL_S)


def _stages(stack: Stack) -> dict[str, float]:
    """Return the seconds the sweeper has spent by stage, and batch with flags."""
    found = {}
    for name, prefix in (
        ("analyzer-sweeper", "rebalancer_evaluation_seconds_sum"),
        ("batch", "rebalancer_event_process_seconds_sum"),
    ):
        for line in httpx.get(f"{stack.urls[name]}/metrics").text.splitlines():
            if line.startswith(prefix) and ("stage=" in line or 'topic="analyzer.flags"' in line):
                label = line.split('stage="')[1].split('"')[0] if "stage=" in line else "batch"
                found[label] = float(line.rsplit(" ", 1)[1])
    return found


def _print(options: Options, first: Run, second: Run, memory: dict[str, float]) -> None:
    print(f"\n{describe()}")
    print(
        f"book: {options.accounts:,} accounts x {options.positions} positions, filled by the analyzer's own bulk code\n"
    )
    met = "met" if second.queued_s <= REACH_S else "not met"
    if options.accounts < REACH_ACCOUNTS:
        met = "this book is smaller, so the figure does not tell"
    print(f"daily analysis, {second.flags:,} accounts newly flagged, all in the queue: {second.queued_s:.1f} s")
    print(f"  reach {REACH_S:.0f} s for 1,000,000 x 40 with 10 % flagged: {met}")
    print(f"  the run itself was finished after {second.finished_s:.1f} s")
    print(f"the first analysis, in which every account gets its first flag: {first.queued_s:.1f} s\n")
    print(f"| {'where the time goes (wall clock, summed over shards)':<52} | {'daily':>8} | {'first':>8} |")
    print(f"|{'-' * 54}|{'-' * 9}:|{'-' * 9}:|")
    for name, what in (
        *((name, f"sweeper: {text}") for name, text in _STAGES),
        ("batch", "batch, beside it: flags into the queue"),
    ):
        print(f"| {what:<52} | {second.stages.get(name, 0):>6.1f} s | {first.stages.get(name, 0):>6.1f} s |")
    print("A sweeper works on two shards at a time, so its parts add up to more than the run.\n")
    print(f"| {'process':<20} | {'processor time, daily':>22} | {'memory':>10} |")
    print(f"|{'-' * 22}|{'-' * 23}:|{'-' * 11}:|")
    for name, seconds in second.cpu.items():
        print(f"| {name:<20} | {seconds:>20.1f} s | {memory.get(name, 0):>7,.0f} MB |")
    whole_s = sum(second.cpu.values())
    print(f"| {'in all':<20} | {whole_s:>20.1f} s | {sum(memory.values()):>7,.0f} MB |")
    print(f"\nSo two cores that nobody else uses need {whole_s / 2:.1f} s at least.")
    print(f"Everything else on this machine used {second.others_s:.1f} s of processor time meanwhile.")


def say(text: str) -> None:
    """Print what is being done to standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
