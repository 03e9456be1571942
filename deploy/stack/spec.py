"""What the supervisor runs: one `Spec` per process, a `Plan` for all of them, both kept as JSON."""

import signal
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from deploy.stack.layout import read_json, write_json


@dataclass(frozen=True)
class Probe:
    """How to probe a process: `http` (GET, 200), `tcp` (connects) or `postgres` (SELECT 1)."""

    kind: Literal["http", "tcp", "postgres"]
    target: str

    @property
    def port(self) -> int:
        """The port that the process listens on.  Raises ValueError when the target names none."""
        port = urlsplit(self.target if "//" in self.target else f"//{self.target}").port
        if port is None:
            raise ValueError(f"the probe {self.target} names no port")
        return port


@dataclass(frozen=True)
class Spec:
    """One process.

    needs: names that must be ready before it starts; of "a|b" one is enough. alive: probed for as long as the process
    runs; a process that fails it is ended and started again, and so is one that for hung_after_s neither responds to it
    nor computes. user: account to run as (root only). stop_signal: asks it
    to end; after stop_timeout_s it is killed. nice: its niceness once it is ready.
    """

    name: str
    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    probe: Probe | None = None
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    stop_timeout_s: float = 15.0
    nice: int = 0
    alive: Probe | None = None
    hung_after_s: float = 8.0


@dataclass(frozen=True)
class Plan:
    """All processes of a stack and where it lives.

    lifeline: the supervisor ends everything when its standard input closes (tests: no orphan after a killed test run).
    discard: directories deleted at the end (a test's database files).
    """

    state: str
    specs: tuple[Spec, ...]
    lifeline: bool = False
    discard: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """Write the plan, readable by its owner only."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> "Plan":
        """Read a plan that `save` wrote."""
        raw = read_json(path)
        return cls(raw["state"], tuple(_spec(spec) for spec in raw["specs"]), raw["lifeline"], tuple(raw["discard"]))


def in_order(specs: Iterable[Spec]) -> list[list[str]]:
    """Return names in levels: every process needs only processes of earlier levels.

    Raises ValueError when a need is unknown or needs go in a circle.
    """
    waiting = {spec.name: {name for need in spec.needs for name in need.split("|")} for spec in specs}
    levels: list[list[str]] = []
    placed: set[str] = set()
    while waiting:
        level = sorted(name for name, needs in waiting.items() if needs <= placed)
        if not level:
            raise ValueError(f"these processes wait for one another or for something unknown: {sorted(waiting)}")
        levels.append(level)
        placed.update(level)
        for name in level:
            del waiting[name]
    return levels


def _spec(raw: dict[str, Any]) -> Spec:
    probes = {name: Probe(**raw[name]) if raw[name] else None for name in ("probe", "alive")}
    return Spec(**{**raw, "argv": tuple(raw["argv"]), "needs": tuple(raw["needs"]), **probes})
