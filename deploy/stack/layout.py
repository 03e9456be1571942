"""Paths of the local stack's files."""

import hashlib
import json
import os
import pwd
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_STATE = CHECKOUT / ".local"
ROOT_AREA = Path("/var/lib/rebalancer-local")
"""Files that the unprivileged database user must reach when root starts a stack: never under a private home."""


@dataclass(frozen=True)
class Layout:
    """Paths of one stack. `state` is its own directory (`.local` of the checkout, or a directory of a test run)."""

    state: Path

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.state / "logs"

    @property
    def state_file(self) -> Path:
        """Ports, and the steps that are done, kept from run to run."""
        return self.state / "state.json"

    @property
    def plan_file(self) -> Path:
        """The supervisor's plan; it holds secrets, mode 600."""
        return self.state / "plan.json"

    @property
    def secrets_file(self) -> Path:
        """Keys and passwords generated once for this stack, mode 600."""
        return self.state / "secrets.json"

    @property
    def socket(self) -> Path:
        """Control socket of the supervisor."""
        return self.state / "control.sock"

    @property
    def clock_file(self) -> Path:
        """The stack's own clock: seconds it is ahead of the machine's."""
        return self.state / "clock.json"

    @property
    def last_instant_file(self) -> Path:
        """The stack's latest known instant, at which time continues after a stop."""
        return self.state / "clock-last.json"

    @property
    def inbox(self) -> Path:
        """Folder watched for custodial files."""
        return self.state / "inbox"

    @property
    def kafka_data(self) -> Path:
        """Kafka's log directory."""
        return self.state / "kafka"

    @property
    def postgres_home(self) -> Path:
        """Directory of the database files, reachable by the user that runs the server."""
        if os.geteuid() != 0:
            return self.state / "postgres"
        named = f"{self.state.resolve()} {self._identity()}"
        return ROOT_AREA / hashlib.sha256(named.encode()).hexdigest()[:16]

    def _identity(self) -> str:
        """Return an id that differs for a stack that was at the same path before and was deleted by hand."""
        file = self.state / "identity"
        return file.read_text() if file.exists() else ""

    def make(self) -> None:
        """Create the directories; only their owner may read them, as they hold keys and account data."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.state.chmod(0o700)
        for directory in (self.logs, self.inbox):
            directory.mkdir(exist_ok=True)
        if not self._identity() and not self.state_file.exists():
            (self.state / "identity").write_text(uuid.uuid4().hex)

    def remove(self) -> None:
        """Delete everything that this stack wrote (downloaded jars stay: they belong to the checkout)."""
        shutil.rmtree(self.postgres_home, ignore_errors=True)
        for entry in self.state.iterdir() if self.state.exists() else ():
            if entry.is_dir() and entry.name != "cache":
                shutil.rmtree(entry)
            elif not entry.is_dir():
                entry.unlink()


def database_user() -> str | None:
    """Return the unprivileged account PostgreSQL runs as when we are root (it refuses root), else None."""
    return pwd.getpwnam("nobody").pw_name if os.geteuid() == 0 else None


def credentials(user: str | None) -> dict[str, Any]:
    """Return the arguments that make `subprocess` run a program as `user` (None: as ourselves)."""
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def inherited() -> dict[str, str]:
    """Return the environment variables that our programs inherit.

    None named REBALANCER_ and none of a test run, so that a stack does not depend on the shell.  Compiled modules are
    kept whatever the shell says, because otherwise every process takes three times as long to start.
    """
    left_out = ("REBALANCER_", "PYTEST_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in `path`, or an empty one when there is no such file."""
    if not path.exists():
        return {}
    value: dict[str, Any] = json.loads(path.read_text())
    return value


def write_json(path: Path, value: object, mode: int = 0o600) -> None:
    """Replace `path` in one step, so that a reader never sees half a file."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file, indent=1)
    fresh.replace(path)
