"""The shared fixtures.

kafka_url, database_url: a broker with all topics, an empty database of its own per test. Addresses come from
REBALANCER_TEST_KAFKA_URL and REBALANCER_TEST_DATABASE_URL (a superuser) when set, else from containers when an engine
answers, else from the local stack. stack: the whole system, one for the session. make_stack: more of them, for tests
that hurt or configure their own.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from deploy import browser, topics
from deploy.stack import Stack, table, ui
from deploy.stack.compiling import compile_kernels
from deploy.stack.steps import Silent, Spoken
from shared.fixed_point import compiled
from tests.stackfix import infrastructure
from tests.waiting import aside

MakeStack = Callable[..., Stack]


@pytest.fixture(scope="session")
def local_infrastructure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The session's own Kafka and PostgreSQL, started when first needed."""
    with infrastructure.local_infrastructure(tmp_path_factory.mktemp("infrastructure")) as stack:
        yield stack


@pytest.fixture(scope="session")
def kafka_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address (host:port) of a broker that has every topic of the table."""
    with ExitStack() as ends:
        given = os.environ.get("REBALANCER_TEST_KAFKA_URL")
        if given is None and infrastructure.has_container_engine():
            given = ends.enter_context(infrastructure.kafka_container())
        if given is None:
            given = request.getfixturevalue("local_infrastructure").addresses.kafka
        aside(topics.create(given))
        yield given


@pytest.fixture(scope="session")
def admin_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a server with a superuser's name and password."""
    with ExitStack() as ends:
        given = os.environ.get("REBALANCER_TEST_DATABASE_URL")
        if given is None and infrastructure.has_container_engine():
            given = ends.enter_context(infrastructure.postgres_container())
        if given is None:
            given = request.getfixturevalue("local_infrastructure").addresses.admin_database()
        infrastructure.create_roles(given)
        yield given


@pytest.fixture
def database_url(admin_database_url: str) -> Iterator[str]:
    """Address of an empty database that only this test has; its role is a superuser (`as_role` gives others)."""
    with infrastructure.fresh_database(admin_database_url) as url:
        yield url


@pytest.fixture(scope="session")
def built_ui() -> Path:
    """The directory of the built user interface."""
    ui.build(Silent())
    return ui.UI / "dist"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, built_ui: Path) -> Iterator[Stack]:
    """The whole system, empty, one for the session: whoever hurts it waits until it is well again."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def make_stack(tmp_path: Path, built_ui: Path) -> Iterator[MakeStack]:
    """Start a stack of the test's own: `make_stack(services=(...), env={...})`; it ends with the test."""
    with ExitStack() as ends:

        def make(services: Sequence[str] = table.SERVICES, env: dict[str, str] | None = None) -> Stack:
            folder = tmp_path / f"stack{len(list(tmp_path.glob('stack*')))}"
            return ends.enter_context(Stack(folder, services, env))

        yield make


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Let the browser tests use the system's Chromium. A missing one fails the test; it is never skipped."""
    return {
        **browser_type_launch_args,
        "executable_path": str(browser.obtain()),
        "args": ["--no-sandbox", "--disable-dev-shm-usage"] if os.geteuid() == 0 else [],
    }


HEAVY_FIXTURES = {"kafka_url", "admin_database_url", "local_infrastructure", "stack", "make_stack", "playwright"}
STARTING_FIXTURES = HEAVY_FIXTURES - {"playwright"}
SYSTEM_FIXTURES = {"stack", "make_stack", "playwright", "start_worker"}
SYSTEM_FOLDERS = {"engine", "faults", "stack", "story"}
HEAVY_FOLDERS = SYSTEM_FOLDERS - {"faults"}
HEAVY_MARKS = {"integration", "stack", "fault", "browser", "slow", "engine"}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Compile the kernels that tests call or the stack runs before the first test: its time-out is for itself."""
    stacks = any(HEAVY_FIXTURES & set(getattr(item, "fixturenames", ())) for item in session.items)
    if session.config.option.collectonly or not (compiled.KERNELS or stacks):
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        compile_kernels(Spoken())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `fast` every test that needs no broker, database, browser or system: `make test-fast` runs these.

    Of the others those that start whole systems, or one service process after the other, are `system`: `make test` runs
    them beside the rest.

    The time-out of a test that needs a stack is for the test alone: a start has none (`Stack.wait_ready`).
    Browser tests come last: a browser keeps a loop running in the thread of the tests, beside which none can start.
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        marks = {mark.name for mark in item.iter_markers()}
        if not (fixtures & HEAVY_FIXTURES or marks & HEAVY_MARKS or HEAVY_FOLDERS & set(item.path.parts)):
            item.add_marker("fast")
        elif fixtures & SYSTEM_FIXTURES or SYSTEM_FOLDERS & set(item.path.parts):
            item.add_marker("system")
        if fixtures & STARTING_FIXTURES:
            given = item.get_closest_marker("timeout")
            seconds = given.args[0] if given and given.args else float(item.config.getini("timeout"))
            item.add_marker(pytest.mark.timeout(seconds, func_only=True), append=False)
    items.sort(key=lambda item: "playwright" in getattr(item, "fixturenames", ()))
