"""What must be in the database before the services start: their tables, and the sample users' rights."""

import hashlib
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from deploy.stack import table
from deploy.stack.errors import StackError
from deploy.stack.layout import CHECKOUT, Layout, read_json, write_json
from deploy.stack.steps import Silent

PATIENCE_S = 120.0
EnvOf = Callable[[str], Mapping[str, str]]


def migrate(layout: Layout, services: Sequence[str], env_of: EnvOf, steps: Silent) -> None:
    """Bring every service's tables to their newest form, all at the same time; those that are there already are left.

    Raises StackError with the words of the one that failed.
    """
    present: dict[str, str] = read_json(layout.state_file).get("migrated", {})
    newest = {name: _form(name) for name in table.MIGRATED if name in services}
    names = [name for name, form in newest.items() if present.get(name) != form]
    if not names:
        return
    with steps.step(f"migrating {', '.join(names)}"):
        started = {name: _start(name, env_of, f"services.{name}", "migrate") for name in names}
        for name, process in started.items():
            _finish(process, f"the migration of {name}")
    write_json(layout.state_file, {**read_json(layout.state_file), "migrated": {**present, **newest}})


def grant_sample_users(layout: Layout, services: Sequence[str], env_of: EnvOf, steps: Silent) -> None:
    """Tell the gateway once what the issuer's sample users may do; later changes to their rights are left alone."""
    kept = read_json(layout.state_file)
    if kept.get("granted") or not {"gateway", "issuer"} <= set(services):
        return
    with steps.step("granting the sample users their rights"):
        users = _finish(_start("issuer", env_of, "deploy.issuer", "users", "--json"), "listing the sample users")
        grant = _start("gateway", env_of, "services.gateway", "grant", "--file", "-")
        _finish(grant, "granting rights to the sample users", users)
    write_json(layout.state_file, {**kept, "granted": True})


def _form(service: str) -> str:
    """Return a text that changes whenever anything a service's migration consists of changes."""
    digest = hashlib.sha256()
    for place in (CHECKOUT / "services" / service / "store", CHECKOUT / "shared" / "migrations"):
        for path in sorted(place.rglob("*.py")):
            digest.update(f"{path.relative_to(CHECKOUT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _start(name: str, env_of: EnvOf, *module: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=CHECKOUT,
        env=env_of(name),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finish(process: subprocess.Popen[str], what: str, given: str = "") -> str:
    """Give the process its input and return its output. Raises StackError when it fails or takes too long."""
    try:
        output, words = process.communicate(given, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise StackError(f"{what} took longer than {PATIENCE_S:.0f} s") from error
    if process.returncode != 0:
        raise StackError(f"{what} failed:\n{(output + words)[-3000:]}")
    return output
