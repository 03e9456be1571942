"""The runtime lock alone is enough: a fresh environment made from it holds all that any container of ours imports.

What containers start is read from docker-compose.yml, the Dockerfile and the manifests of Kubernetes, so that a program
added there is looked at here.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from deploy.stack.layout import CHECKOUT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
DOCKERFILE = CHECKOUT / "deploy" / "docker" / "Dockerfile"
WITH_USAGE = ("deploy.custodian", "deploy.issuer", "deploy.sample")
"""Beside the services: command lines that say how they are used without any settings."""
# `python -m X`, written as a shell or as a list has it.
STARTED = re.compile(r"""\bpython["']?,?\s+["']?-m["']?,?\s+["']?((?:services|deploy)(?:\.\w+)+)""")
# All of a service or package that is started, also what it imports only when it is used.  SQLAlchemy imports what its
# asyncio needs when it is first used, not before.
IMPORT_ALL = """
import asyncio, importlib, pkgutil, sys
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    for found in pkgutil.walk_packages(getattr(module, "__path__", ()), name + "."):
        importlib.import_module(found.name)
from sqlalchemy.util import greenlet_spawn
asyncio.run(greenlet_spawn(int))
print(*sorted(name for name in sys.modules if name.startswith(("services.", "deploy."))))
"""


def started(text: str) -> set[str]:
    """Return the modules of ours that a text starts."""
    return set(STARTED.findall(text))


def commands(node: object) -> Iterator[str]:
    """Yield every text of a document, a list of words as one text."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from commands(value)
    elif isinstance(node, list):
        yield " ".join(word for word in node if isinstance(word, str))
        for value in node:
            yield from commands(value)


def started_by_files() -> dict[str, set[str]]:
    """Return of each file that describes containers the modules of ours that it starts."""
    found = {DOCKERFILE.name: started(DOCKERFILE.read_text())}
    for path in (CHECKOUT / "docker-compose.yml", *sorted((CHECKOUT / "deploy" / "kubernetes").rglob("*.yaml"))):
        documents = yaml.safe_load_all(path.read_text())
        found[str(path.relative_to(CHECKOUT))] = {name for text in commands(list(documents)) for name in started(text)}
    return found


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that holds what the runtime lock names, and nothing else."""
    folder = tmp_path_factory.mktemp("runtime") / "venv"
    uv = [sys.executable, "-m", "uv"]
    _run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)], dict(os.environ))
    lock = str(CHECKOUT / "requirements" / "runtime.lock")
    made = folder / "bin" / "python"
    _run([*uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(made), lock], dict(os.environ))
    return made


def _run(command: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {(done.stdout + done.stderr)[-3000:]}"
    return done.stdout


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ('CMD ["python", "-m", "services.gateway"]', {"services.gateway"}),
        ("python -m deploy.issuer users | python -m services.gateway grant", {"deploy.issuer", "services.gateway"}),
        ("RUN python -m venv /opt/x && python -m compileall shared", set()),
        ("/opt/x/bin/python -m deploy.docker.hello", {"deploy.docker.hello"}),
    ],
)
def test_a_module_is_found_however_it_is_started(text: str, modules: set[str]) -> None:
    assert started(text) == modules


def test_every_way_to_start_containers_is_read() -> None:
    found = started_by_files()
    services = {f"services.{path.parent.name}" for path in (CHECKOUT / "services").glob("*/__main__.py")}
    compose = found["docker-compose.yml"]
    assert services <= compose, "every service runs in a container"
    assert {"deploy.acls", "deploy.docker.hello", "deploy.docker.make_secrets", "deploy.healthy"} <= compose
    assert {"services.gateway", "deploy.healthy"} <= found["Dockerfile"]
    kubernetes = {name for file, names in found.items() if "kubernetes" in file for name in names}
    assert {*services, "deploy.kernels", "deploy.topics", "deploy.roles", "deploy.issuer"} <= kubernetes


def test_everything_that_a_container_starts_runs_on_what_the_runtime_lock_names(python: Path) -> None:
    bare = {"PATH": os.defpath, "HOME": "/nonexistent", "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", "")}
    bare = {name: value for name, value in bare.items() if value}
    modules = sorted(set().union(*started_by_files().values()))
    programs = [*(name for name in modules if name.startswith("services.")), *WITH_USAGE]
    runs = [
        *([str(python), "-m", program, "--help"] for program in programs),
        [str(python), "-c", IMPORT_ALL, *modules],
    ]
    with ThreadPoolExecutor(2) as beside:
        *usages, imported = beside.map(lambda command: _run(command, bare), runs)
    assert all("Usage" in usage for usage in usages)
    assert {*modules, "services.batch.app", "services.auditor.app", "deploy.acls.apply"} <= set(imported.split())
