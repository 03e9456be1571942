"""`python -m benchmarks.audit`: what the audit log costs commands of many sessions at once.

A gateway in its own process with a real database forwards to a service that replies immediately, so the gateway's own
work is measured. With the log each command adds two records to one hash chain; without it the gateway writes none.
Figures are printed, never asserted.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import psycopg
import uvloop

from benchmarks.machine import describe
from deploy.processor_time import cpu_s
from services.gateway.audit.audit_log import AuditLog
from services.gateway.domain.record import Record
from services.gateway.store import audit
from shared.runtime import log
from tests.gateway.harness import harness_at
from tests.stackfix import infrastructure

_RECORDS = (1, 50, 500)
_LIMITS = httpx.Limits(
    keepalive_expiry=3.0
)  # shorter than the gateway's, so that no connection is used while the gateway closes it


@dataclass(frozen=True)
class Figure:
    """Result of one round: commands a second, durations, and processor seconds of the gateway's process.

    Processor seconds are the figure that other programs on the machine disturb least.
    """

    per_s: float
    took_s: list[float]
    cpu_s: float


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--sessions", type=int, default=50, help="browsers at once (default 50)")
    parser.add_argument("--commands", type=int, default=20, help="commands of each, one after the other (default 20)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds with and without, in turns (default 5)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, infrastructure.local_infrastructure(Path(folder)) as stack:
        admin = stack.addresses.admin_database()
        infrastructure.create_roles(admin)
        with infrastructure.fresh_database(admin) as url, _door(url, Path(folder) / "with", True) as audited:
            with infrastructure.fresh_database(admin) as other, _door(other, Path(folder) / "without", False) as silent:
                rounds = [(_run(audited, options), _run(silent, options)) for _ in range(options.rounds)]
            locked = {records: _append_ms(url, records) for records in _RECORDS}
    print(
        f"\n{describe()}\n{options.sessions} sessions, {options.commands} commands each, "
        f"{options.rounds} rounds in turns"
    )
    found, bare = ([pair[side] for pair in rounds] for side in (0, 1))
    _print("with the audit log", found)
    _print("without it", bare)
    faster = [without.per_s / with_it.per_s for with_it, without in rounds]
    dearer = [with_it.cpu_s / without.cpu_s for with_it, without in rounds]
    for what, ratios in (("commands a second, without / with", faster), ("processor time, with / without", dearer)):
        print(f"{what}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    for records, took_ms in locked.items():
        print(f"the chain's end is locked for {took_ms:.1f} ms to add {records} records (statement and commit)")


def _print(what: str, rounds: list[Figure]) -> None:
    took_ms = sorted(1000 * took for run in rounds for took in run.took_s)
    per_s = statistics.median(run.per_s for run in rounds)
    cpu_ms = 1000 * statistics.median(run.cpu_s / len(run.took_s) for run in rounds)
    print(f"{what:<20}{per_s:8.0f} commands/s{statistics.median(took_ms):8.0f} ms median"
          f"{took_ms[len(took_ms) * 99 // 100]:8.0f} ms 99 of 100{cpu_ms:8.1f} ms of processor time each")  # fmt: skip


@contextmanager
def _door(url: str, folder: Path, is_audited: bool) -> Iterator[tuple[str, int]]:
    """Yield the address of a gateway in a process of its own, and the process."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(url, folder, is_audited, there))
    process.start()
    try:
        assert process.pid is not None
        yield here.recv(), process.pid
    finally:
        here.send("end")
        process.join()


def _serve(url: str, folder: Path, is_audited: bool, link: Connection) -> None:
    if not is_audited:
        AuditLog.write = AuditLog.note = _nothing  # type: ignore[assignment,method-assign]
    log.configure("gateway", "WARNING")
    uvloop.run(_serving(url, folder, link))


async def _nothing(_log: AuditLog, *_records: Record) -> None: ...


async def _serving(url: str, folder: Path, link: Connection) -> None:
    folder.mkdir()
    async with harness_at(url, folder, session_per_s=1e6, address_per_s=1e6) as harness:
        await harness.grant("pat", ("viewer", "approver"))
        harness.issuer.subject = "pat"
        link.send(harness.url)
        await asyncio.to_thread(link.recv)


def _run(door: tuple[str, int], options: argparse.Namespace) -> Figure:
    return uvloop.run(_round(*door, options.sessions, options.commands))


async def _round(url: str, pid: int, sessions: int, commands: int) -> Figure:
    async with AsyncExitStack() as ends:
        clients = [
            await ends.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, limits=_LIMITS))
            for _ in range(sessions)
        ]
        pages = [await _sign_in(client) for client in clients]
        began, spent_s = time.perf_counter(), cpu_s(pid)
        took = await asyncio.gather(
            *(_approve(client, page, commands) for client, page in zip(clients, pages, strict=True))
        )
        per_s = sessions * commands / (time.perf_counter() - began)
        return Figure(per_s, [took_s for session in took for took_s in session], cpu_s(pid) - spent_s)


async def _sign_in(client: httpx.AsyncClient) -> dict[str, str]:
    to_issuer = await client.get("/auth/login")
    back = await client.get(to_issuer.headers["location"])
    await client.get(back.headers["location"])
    csrf = (await client.get("/api/v1/me")).json()["csrf"]
    return {"X-CSRF-Token": csrf, "Origin": str(client.base_url).rstrip("/")}


async def _approve(client: httpx.AsyncClient, page: dict[str, str], commands: int) -> list[float]:
    took = []
    for number in range(1, commands + 1):
        began = time.perf_counter()
        response = await client.post(f"/api/v1/batches/{number}/approve", headers=page)
        response.raise_for_status()
        took.append(time.perf_counter() - began)
    return took


def _append_ms(url: str, records: int) -> float:
    """Return the median milliseconds that adding so many records takes, one round trip included."""
    return asyncio.run(_appending(url, records))


async def _appending(url: str, records: int) -> float:
    body = {"at": "2026-03-02T12:00:00.000000Z", "action": "approve_batch", "outcome": "DONE", "ids": ["7", "A1"]}
    took = []
    async with await psycopg.AsyncConnection.connect(url, options="-c search_path=gateway") as connection:
        for _ in range(20):
            began = time.perf_counter()
            await audit.append_and_commit(connection, [body] * records)
            took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took)


if __name__ == "__main__":
    main()
