"""Every service has the same shape, in meaning and not only in names: what a room is called says what stands in it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.stack.layout import CHECKOUT
from shared.contracts.topics import TOPICS
from tests.unit.source_files import is_within, names_imported, python_files

pytestmark = pytest.mark.fast
SERVICES = ("analyzer", "auditor", "batch", "gateway", "proposer", "taxlot")
WITHOUT_HTTP = {"auditor", "proposer"}
PUSHES_ONLY = {"gateway"}
"""Consumes topics to forward them to browsers (`push/`), and so has no handlers."""

WEB = ("fastapi", "starlette", "uvicorn", "shared.http")
KAFKA_CLIENTS = (
    "aiokafka", "faust", "shared.kafka.consumer", "shared.kafka.publisher", "shared.kafka.faust_worker",
    "shared.kafka.faust_transport", "shared.kafka.processor",
)  # fmt: skip
FORBIDDEN = {
    "handlers": WEB,
    "routes": KAFKA_CLIENTS,
    "operations": WEB,
    "columns": (*WEB, *KAFKA_CLIENTS),
    "views": (*WEB, *KAFKA_CLIENTS),
    "store": (*WEB, *KAFKA_CLIENTS),
    "domain": (*WEB, *KAFKA_CLIENTS),
}
CLOCKS_AND_IO = {
    "now", "today", "utcnow", "monotonic", "perf_counter", "time_ns", "open", "print", "input",
    "read_text", "write_text", "read_bytes", "write_bytes", "urandom", "getenv", "get_event_loop", "get_running_loop",
}  # fmt: skip
KERNELS = "shared.fixed_point.compiled"


def files_of(service: str, room: str) -> list[Path]:
    """Return the modules of a room, which is a module or a package directly in the service."""
    folder = CHECKOUT / "services" / service
    return [
        path for path in python_files("services") if path == folder / f"{room}.py" or path.is_relative_to(folder / room)
    ]


def consumes(service: str) -> bool:
    """Say whether the service is a consumer of a topic."""
    return any(service in topic.consumers for topic in TOPICS)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_its_rooms(service: str) -> None:
    folder = CHECKOUT / "services" / service
    for name in ("README.md", "__main__.py", "settings.py", "app.py"):
        assert (folder / name).is_file(), name
    assert files_of(service, "domain")
    assert bool(files_of(service, "routes")) == (service not in WITHOUT_HTTP)
    assert bool(files_of(service, "handlers")) == (consumes(service) and service not in PUSHES_ONLY)


@pytest.mark.parametrize("room", FORBIDDEN)
@pytest.mark.parametrize("service", SERVICES)
def test_a_room_imports_only_what_belongs_there(service: str, room: str) -> None:
    """HTTP is in `routes`, Kafka in `handlers`; use cases, columns, tables and rules know neither."""
    wrong = [
        f"{path.relative_to(CHECKOUT)} imports {name}"
        for path in files_of(service, room)
        for name in names_imported(path)
        if is_within(name, FORBIDDEN[room])
    ]
    assert not wrong, wrong


@pytest.mark.parametrize("service", SERVICES)
def test_domain_code_asks_no_clock_and_does_no_io(service: str) -> None:
    wrong = [
        f"{path.relative_to(CHECKOUT)}:{node.lineno} calls {called}"
        for path in files_of(service, "domain")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and (called := _called(node)) in CLOCKS_AND_IO
    ]
    assert not wrong, wrong


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@pytest.mark.parametrize("service", SERVICES)
def test_settings_are_one_class_and_name_the_service_once(service: str) -> None:
    folder = CHECKOUT / "services" / service
    tree = ast.parse((folder / "settings.py").read_text())
    assert [node.name for node in tree.body if isinstance(node, ast.ClassDef)] == ["Settings"]
    assert list(_assigned(tree, "SERVICE")) == [service]
    for path in python_files("services"):
        if path.is_relative_to(folder) and "versions" not in path.parts and path != folder / "settings.py":
            tree = ast.parse(path.read_text())
            for name in ("SERVICE", "SCHEMA"):
                assert not list(_assigned(tree, name)), f"{path.relative_to(CHECKOUT)}: settings.py says {name}"


def _assigned(tree: ast.Module, name: str) -> Iterator[object]:
    """Yield the constants that are assigned to a name at the top of a module."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                yield node.value.value


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_with_kernels_warms_them_up_in_warm(service: str) -> None:
    folder = CHECKOUT / "services" / service
    kernels = [
        path
        for path in python_files("services")
        if path.is_relative_to(folder) and any(is_within(name, (KERNELS,)) for name in names_imported(path))
    ]
    runs = (folder / "warm.py").is_file()
    assert runs or not kernels, f"{kernels} are compiled, but there is no warm.py"
    assert not [path for path in folder.rglob("*warm*.py") if path != folder / "warm.py"]


def test_command_lines_are_typer_apps() -> None:
    wrong = [path for path in python_files("services", "shared") if "argparse" in set(names_imported(path))]
    assert not wrong
    for service in SERVICES:
        assert "typer" in set(names_imported(CHECKOUT / "services" / service / "__main__.py"))
