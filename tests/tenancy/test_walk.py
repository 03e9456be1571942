"""Every route x every role x every stranger x every kind of id, filter, selection and file: "not yours" is "not there".

The routes are those of the apps themselves: a new one is walked, or fails here until its parameters are named.
Compared are status, body (but for the names asked for) and time; of what takes no id, also what it said before there
was anything. The services ask with their own roles of the database. What is pushed: test_streams.py.
"""

import io
import re
import statistics
import sys
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import true

from services.analyzer import routes
from services.batch.store import database
from services.gateway.app import routed
from services.gateway.openapi import describe
from services.taxlot.intake.load import connected
from services.taxlot.intake.uploads import Uploads
from services.taxlot.routes import router as taxlot_router
from services.taxlot.settings import Settings
from shared.contracts import custody
from shared.contracts.principal import Principal, RoleName
from shared.contracts.tenancy import MINE
from shared.http.app import create_app
from shared.http.routing import Guarded, routes_of, vouched
from shared.postgres.pool import Requests
from tests.analyzer.builders import MONDAY, held, holdings
from tests.faults import card
from tests.faults.card import Outcome
from tests.healing.harness import Harness as HealingHarness
from tests.healing.harness import opened
from tests.signing import PUBLIC_KEY, SignedAs, somebody
from tests.stackfix.infrastructure import as_role
from tests.taxlot.files import File, cash, lot

pytestmark = pytest.mark.integration
ROLES = [*get_args(RoleName), "nothing"]
STRANGERS: dict[str, dict[str, Any]] = {
    "other enterprise": {"enterprises": ["E2"]},
    "other advisor": {"enterprises": ["E1"], "advisors": ["A9"]},
    "nobody": {"enterprises": []},
}
TRIES, ROUNDS, SLOWER = 3, 7, 2.5
THEIRS, ABSENT = "SECRET-A1", "ABSENT-A1"
_BY_ID = {"kind": "ids", "ids": [THEIRS]}
# Of each command a body that names what is theirs; None: it takes none. A command that is not here fails the walk.
BODIES: dict[str, list[Any]] = {
    "propose_batch": [
        {"selection": _BY_ID, "expected_count": 1},
        {"selection": {"kind": "matching", "q": THEIRS}, "expected_count": 1},
        {"selection": {"kind": "matching", "f": ["advisor_id.eq.SECRET-A1"]}, "expected_count": 1},
    ],
    "remove_accounts": [
        {"selection": _BY_ID, "expected_count": 1},
        {"selection": {"kind": "matching", "q": THEIRS}, "expected_count": 1},
    ],
    "undo_removal": [
        {"selection": _BY_ID, "expected_count": 1},
        {"selection": {"kind": "removal", "version": 2}, "expected_count": 1},
    ],
    "approve_rest": [
        {"selection": _BY_ID, "expected_count": 1},
        {"selection": {"kind": "matching", "q": THEIRS}, "expected_count": 1},
    ],
    "check_history": [{"enterprise_id": "E1"}, {"enterprise_id": THEIRS, "cursor": "chain.0"}],
    "switch_logic": [{"logic": "MIN_TRANSACTION"}],
    "repropose_accounts": [{}, {"selection": _BY_ID}],
    "edit_trades": [{"trades": [{"security_id": THEIRS, "quantity": "1"}], "note": THEIRS}],
    "approve_batch": [None, {"note": THEIRS}],
    "cancel_batch": [None, {"note": THEIRS}],
    "start_run": [None],
    "upload_file": [File([lot(THEIRS), cash(THEIRS)], custodian=THEIRS, kind=custody.UPDATED).text()],
}
# Of each list queries that name what is theirs.
QUERIES: dict[str, list[str]] = {
    "list_queue": ["", f"q={THEIRS}", f"f=custodian.eq.{THEIRS}", "f=enterprise_id.eq.E1", "tile=HIGH_CASH&sort=name"],
    "count_tiles": ["", f"q={THEIRS}", f"f=custodian.in.{THEIRS}|x", "f=advisor_id.eq.A1"],
    "find_accounts": ["", f"q={THEIRS}", "state=IN_BATCH", f"q={THEIRS}&state=IN_BATCH", "q=E1", "q=SECRET&size=1"],
    "list_batches": ["", f"state=history&q={THEIRS}", "state=history&f=decision.eq.APPROVED&sort=-turnover"],
    "export_queue": ["", f"q={THEIRS}", "check=true", "f=enterprise_id.eq.E1&format=xlsx"],
    "export_history": ["", "check=true", "format=xlsx"],
    "list_files": ["", "limit=500"],
    "get_latest_run": [""],
    "upload_file": [f"name={THEIRS}.lots"],
}


OF_APPROVED = {"export_orders", "export_block_orders"}
"""Reads of what an approval sent: the batch of the walk is open, so whose it is gets a refusal that says so."""


@dataclass(frozen=True)
class Case:
    """One request that names what is theirs, and the same of what is not there."""

    service: str
    operation: str
    method: str
    theirs: str
    absent: str
    body: Any = None

    def ask(self, is_theirs: bool) -> tuple[str, dict[str, Any]]:
        path = self.theirs if is_theirs else self.absent
        if self.body is None:
            return path, {}
        if isinstance(self.body, str):
            return path, {"content": self.body if is_theirs else self.body.replace(THEIRS, ABSENT)}
        text = httpx.Request("POST", "http://x", json=self.body).content.decode()
        return path, {"content": text if is_theirs else text.replace(THEIRS, ABSENT)}


@dataclass
class Tenants:
    """Three services over the data of one tenant, and the ids in it that a request can name."""

    harness: HealingHarness
    apps: dict[str, FastAPI]
    ids: dict[str, tuple[str, str]] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)
    cases: int = 0
    timed: set[str] = field(default_factory=set)
    empty: dict[tuple[str, str, str], tuple[int, str]] = field(default_factory=dict)

    async def look_while_empty(self) -> None:
        """Keep the responses to strangers' reads without ids, before there is any data."""
        for service, app in self.apps.items():
            for name, rights in STRANGERS.items():
                async with self.client(service, somebody("viewer", **rights)) as client:
                    for path, route in _reads(app):
                        for case in self.cases_of(service, path, route) if "{" not in path else ():
                            self.empty[name, service, case.theirs] = visible(await client.get(case.theirs))

    def client(self, service: str, who: Principal) -> httpx.AsyncClient:
        now = self.harness.batch.clock.now if service == "batch" else self.harness.analyzer.clock.now
        transport = httpx.ASGITransport(self.apps[service])
        return httpx.AsyncClient(transport=transport, base_url="http://x", auth=SignedAs(who, service, now))

    def cases_of(self, service: str, path: str, route: Guarded) -> Iterator[Case]:
        operation = route.operation_id or ""
        for method in sorted(route.methods or ()):
            bodies = BODIES[operation] if method != "GET" else [None]
            names = re.findall(r"{(\w+)}", path)
            queries = QUERIES.get(operation, [""]) if names or method != "GET" else QUERIES[operation]
            for body in bodies:
                for query in queries:
                    yield from self._named(Case(service, operation, method, path, path, body), names, query)

    def _named(self, case: Case, names: list[str], query: str) -> Iterator[Case]:
        """Yield the case with every choice of which of its ids are theirs; without ids, with its query."""
        for choice in range(1, 2 ** len(names)) if names else [0]:
            ids = {name: self.ids[name][0 if choice >> index & 1 else 1] for index, name in enumerate(names)}
            absent = {name: self.ids[name][1] for name in names}
            theirs, nobodys = (f"{case.theirs.format(**values)}{'?' if query else ''}" for values in (ids, absent))
            other = query.replace(THEIRS, ABSENT).replace("E1", "E7").replace("eq.A1", "eq.A7")
            yield Case(case.service, case.operation, case.method, theirs + query, nobodys + other, case.body)


def _reads(app: FastAPI) -> Iterator[tuple[str, Guarded]]:
    for path, route in routes_of(app):
        if isinstance(route, Guarded) and route.methods == {"GET"}:
            yield path, route


@pytest.fixture
async def tenants(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[Tenants]:
    """A tenant E1/A1 with two accounts, a batch, a file and an analysis."""
    as_requests = as_role(database_url, "taxlot_requests")
    async with (
        opened(database_url, kafka_url, tmp_path) as harness,
        Requests(as_requests, harness.pool, "taxlot") as requests,
    ):
        made = Tenants(harness, _apps(harness, requests, tmp_path))
        await made.look_while_empty()
        await harness.analyzer.book(THEIRS, "SECRET-A2")
        drifted = [held(account_id, 1, AAA="780", BBB="120") for account_id in (THEIRS, "SECRET-A2")]
        await harness.analyzer.handlers.on_holdings(holdings(*drifted))
        await harness.batch.queue(THEIRS, "SECRET-A2", advisor_id="A1")
        with connected(database_url) as connection:
            connection.execute(
                "INSERT INTO account (account_id, version, enterprise_id, advisor_id, custodian, account_number,"
                " apm_sleeve_id) VALUES (%(a)s, 1, 'E1', 'A1', %(a)s, %(a)s, 'APM')",
                {"a": THEIRS},
            )
        file = File([lot(THEIRS), cash(THEIRS)], custodian=THEIRS, day=MONDAY.isoformat())
        loaded = await harness.load(file, MONDAY)
        batch = await harness.batch.user(advisors=["A1"]).pending(THEIRS)
        made.ids |= {
            "account_id": (THEIRS, ABSENT),
            "batch_id": (str(batch["batch_id"]), "987654"),
            "file_id": (str(loaded.file_id), "987654"),
            "security_id": ("AAA", "ABSENT"),
        }
        async with made.client("analyzer", somebody("operator", advisors=["A1"])) as owner:
            assert (await owner.post("/v1/runs", headers={"Idempotency-Key": "first"})).status_code == 202
        yield made


async def _ready() -> list[str]:
    return []


def _apps(harness: HealingHarness, requests: Requests, directory: Path) -> dict[str, FastAPI]:
    dependencies, clock = harness.analyzer.dependencies, harness.analyzer.clock
    (directory / "inbox" / "uploads").mkdir(parents=True)
    settings = Settings(
        kafka_url="127.0.0.1:1",
        database_url="not asked",
        requests_database_url="not asked",
        http_port=1,
        principal_public_key=PUBLIC_KEY,
        inbox_dir=directory / "inbox",
        clock_file=harness.analyzer.settings.clock_file,
    )
    runs = routes.router(
        dependencies.database, dependencies.names, dependencies.contexts, clock, harness.analyzer.settings
    )
    files = taxlot_router(Uploads(settings.inbox_dir, settings.max_upload_bytes), clock, requests)
    return {
        "batch": harness.batch.app,
        "analyzer": create_app("analyzer", _ready, routers=[runs], door=vouched("analyzer", PUBLIC_KEY, clock)),
        "taxlot": create_app("taxlot", _ready, routers=[files], door=vouched("taxlot", PUBLIC_KEY, clock)),
    }


def shown(response: httpx.Response) -> str:
    """Return the text of a response; of a workbook that of its rows, for the sheet about it repeats the request."""
    if response.content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(response.content)) as book:
            return book.read("xl/worksheets/sheet1.xml").decode()
    return response.text


def visible(response: httpx.Response) -> tuple[int, str]:
    """Return status and body without the requested ids and without what differs in every response."""
    text = re.sub(r'"(instance|as_of|received_at)":"[^"]*"', "", shown(response))
    return response.status_code, re.sub(r"(SECRET|ABSENT)-A1|\b(file|request) \d+", "?", text)


async def _compare(tenants: Tenants, case: Case, client: httpx.AsyncClient, who: str, *, is_timed: bool = True) -> None:
    headers = {"Idempotency-Key": f"{time.monotonic_ns()}", "If-Match": '"1"', "Content-Type": "application/json"}

    async def ask(is_theirs: bool) -> tuple[httpx.Response, float]:
        path, options = case.ask(is_theirs)
        key = headers | {"Idempotency-Key": f"{time.monotonic_ns()}"}
        started = time.perf_counter()
        response = await client.request(case.method, path, headers=key, **options)
        return response, time.perf_counter() - started

    theirs, absent = (await ask(True))[0], (await ask(False))[0]
    tenants.cases += 1
    where = f"{who}: {case.method} {case.theirs} {case.body or ''}"
    empty = visible(absent) if who.endswith("nothing") else _while_empty(tenants, case, who) or visible(absent)
    if not visible(theirs) == visible(absent) == empty or "SECRET" in shown(theirs).replace(THEIRS, ""):
        tenants.leaks.append(f"{where}: {visible(theirs)}, not there: {visible(absent)}")
    elif is_timed and theirs.status_code != 403 and await _is_distinguishable(tenants, case, who, ask):
        tenants.leaks.append(f"{where}: takes another time than what is not there")


def _while_empty(tenants: Tenants, case: Case, who: str) -> tuple[int, str] | None:
    """Return the response to the same read before there was any data; None if the read names an id."""
    name = next(kind for kind in STRANGERS if who.startswith(kind))
    return tenants.empty.get((name, case.service, case.theirs)) if case.method == "GET" else None


async def _is_distinguishable(tenants: Tenants, case: Case, who: str, ask: Any) -> bool:
    """Whether both take different times, as medians of interleaved requests; a busy machine gets further tries.

    Once for each kind of stranger: the role is checked before.
    """
    stranger = (who.rpartition(" ")[0], case)
    if repr(stranger) in tenants.timed:
        return False
    tenants.timed.add(repr(stranger))
    for _ in range(TRIES):
        times: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(ROUNDS):
            for is_theirs in times:
                times[is_theirs].append((await ask(is_theirs))[1])
        first, other = (statistics.median(each) for each in times.values())
        if max(first, other) / min(first, other) < SLOWER:
            return False
    return True


async def test_what_is_not_yours_is_answered_as_what_is_not_there(tenants: Tenants) -> None:
    walked = set()
    for service, app in tenants.apps.items():
        guarded = [(path, route) for path, route in routes_of(app) if isinstance(route, Guarded)]
        for path, route in guarded:
            walked.add(route.operation_id)
            for name, rights in STRANGERS.items():
                for role in ROLES:
                    who = somebody(*([] if role == "nothing" else [role]), subject=f"{name} {role}", **rights)
                    who = who.model_copy(update={"roles": [] if role == "nothing" else [role]})
                    async with tenants.client(service, who) as client:
                        for case in tenants.cases_of(service, path, route):
                            await _compare(tenants, case, client, who.subject)
    operations = {
        operation["operationId"] for methods in describe(routed())["paths"].values() for operation in methods.values()
    }
    of_the_door = {"get_me", "stream_events", "list_views", "save_view", "change_view", "delete_view"}
    assert operations - walked == of_the_door, "a route that no service answers: views are in test_saved_views.py"
    print(f"\ntenancy walk: {tenants.cases} cases, {len(tenants.leaks)} leaks")
    assert not tenants.leaks, "\n".join(tenants.leaks)
    card.keep(Outcome("F15", tenants.cases, leaked=len(tenants.leaks)))
    assert tenants.cases > 500


# What queries say explicitly besides row-level security; the one of batch is a function.
PREDICATES = (MINE, "(f.sent_by = %(subject)s OR p.seen > 0)")


def _without_predicates(patch: pytest.MonkeyPatch) -> None:
    """Have every query of the services ask for all rows: what it is not shown then, the database keeps from it."""
    replaced: set[str] = set()
    functions = (database.sees, database.sees_part)
    modules = [module for name, module in sys.modules.items() if name.startswith("services.")]
    for module in modules:
        for name, value in list(vars(module).items()):
            if any(value is function for function in functions):
                patch.setattr(module, name, lambda _scope, *_rows: true())
                replaced.add(module.__name__)
            for text in PREDICATES:
                if isinstance(value, str) and text in value:
                    patch.setattr(module, name, value := value.replace(text, "true"))
                    replaced.add(text)
    stores = ("batches", "batch_pages", "seen_batches", "member_pages", "queue", "wash_sales")
    assert replaced >= {f"services.batch.store.{module}" for module in stores}
    assert replaced >= set(PREDICATES)


def _without_policies(url: str) -> None:
    """Switch row-level security off in all tables."""
    with psycopg.connect(url) as connection:
        forced = "SELECT oid::regclass::text FROM pg_class WHERE relforcerowsecurity"
        tables = [name for (name,) in connection.execute(forced)]
        assert len(tables) > 15
        for name in tables:
            connection.execute(f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY".encode())


async def _walk_reads(tenants: Tenants) -> tuple[int, list[str]]:
    """Ask every read for what is a stranger's, without looking at the time; return cases and leaks."""
    before, tenants.leaks = tenants.cases, []
    for service, app in tenants.apps.items():
        for name, rights in STRANGERS.items():
            async with tenants.client(service, somebody("viewer", subject=name, **rights)) as client:
                for path, route in _reads(app):
                    for case in tenants.cases_of(service, path, route):
                        await _compare(tenants, case, client, name, is_timed=False)
    return tenants.cases - before, tenants.leaks


async def test_each_of_the_two_locks_holds_alone(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        _without_predicates(patch)
        cases, leaks = await _walk_reads(tenants)
        print(f"\nrow-level security alone: {cases} cases, {len(leaks)} leaks")
        assert not leaks, "\n".join(leaks)
    _without_policies(tenants.harness.url)
    cases, leaks = await _walk_reads(tenants)
    print(f"predicates alone: {cases} cases, {len(leaks)} leaks")
    assert not leaks and cases > 50, "\n".join(leaks)
    _without_predicates(monkeypatch)
    cases, leaks = await _walk_reads(tenants)
    print(f"neither: {cases} cases, {len(leaks)} leaks")
    assert {first.split("/v1/")[1].split("/")[0].split("?")[0].split()[0] for first in leaks} >= {
        "queue", "accounts", "batches", "positions", "runs", "files",
    }, "without both the walk finds it"  # fmt: skip


async def test_what_is_yours_is_there(tenants: Tenants) -> None:
    """The walk compares something: whose it is, is shown by every read of it what nobody else is."""
    for service, app in tenants.apps.items():
        async with tenants.client(service, somebody("viewer", "operator", advisors=["A1"])) as own:
            for path, route in _reads(app):
                *_, case = tenants.cases_of(service, path, route)  # the last one names nothing but what is theirs
                theirs, absent = [await own.get(first) for first in (case.theirs, case.absent)]
                assert theirs.status_code == (409 if case.operation in OF_APPROVED else 200), case
                if "{" in path:
                    assert absent.status_code == 404, case
