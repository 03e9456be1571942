"""What must be in the database before the services start: their tables, and the sample users' rights."""

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from deploy.stack import table
from deploy.stack.finishing import begin, finish
from deploy.stack.layout import CHECKOUT, Layout, read_json, write_json
from deploy.stack.steps import Silent

EnvOf = Callable[[str], Mapping[str, str]]


def migrate(layout: Layout, services: Sequence[str], env_of: EnvOf, steps: Silent) -> None:
    """Migrate all services' schemas at the same time; current ones are left alone.

    Raises StackError with the output of the migration that failed.
    """
    present: dict[str, str] = read_json(layout.state_file).get("migrated", {})
    newest = {name: _form(name) for name in table.MIGRATED if name in services}
    names = [name for name, form in newest.items() if present.get(name) != form]
    if not names:
        return
    with steps.step(f"migrating {', '.join(names)}"):
        started = {name: _start(name, env_of, f"services.{name}", "migrate") for name in names}
        for name, process in started.items():
            finish(process, f"the migration of {name}")
    write_json(layout.state_file, {**read_json(layout.state_file), "migrated": {**present, **newest}})


def grant_sample_users(layout: Layout, services: Sequence[str], env_of: EnvOf, steps: Silent) -> None:
    """Grant the issuer's sample users their rights once; later changes to their rights are kept.

    A release with other sample users or rights grants them again, because nobody could use what is new in it.
    """
    kept, granted = read_json(layout.state_file), _digest(CHECKOUT, [CHECKOUT / "deploy" / "issuer" / "users.py"])
    if kept.get("granted") == granted or not {"gateway", "issuer"} <= set(services):
        return
    with steps.step("granting the sample users their rights"):
        users = finish(_start("issuer", env_of, "deploy.issuer", "users", "--json"), "listing the sample users")
        grant = _start("gateway", env_of, "services.gateway", "grant", "--file", "-")
        finish(grant, "granting rights to the sample users", users)
    write_json(layout.state_file, {**kept, "granted": granted})


def _form(service: str) -> str:
    """Return a digest of all files of a service's migration."""
    folders = (CHECKOUT / "services" / service / "store", CHECKOUT / "shared" / "postgres" / "migrations")
    return _digest(CHECKOUT, [path for folder in folders for path in sorted(folder.rglob("*.py"))])


def _digest(root: Path, files: Iterable[Path]) -> str:
    """Return a digest of the files and of their paths below root."""
    found = hashlib.sha256()
    for path in files:
        found.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def _start(name: str, env_of: EnvOf, *module: str) -> "subprocess.Popen[str]":
    return begin([sys.executable, "-m", *module], env_of(name))
