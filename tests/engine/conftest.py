"""The system as `docker compose up` starts it, under a project name, on ports and with volumes of the tests' own."""

import json
import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.issuer.users import USERS
from deploy.stack.layout import CHECKOUT
from deploy.stack.ports import choose
from tests.stackfix.infrastructure import has_container_engine

PORTS = ("GATEWAY", "ISSUER", "KAFKA", "POSTGRES", "PROMETHEUS", "GRAFANA")


class Compose:
    """One project of the compose file."""

    def __init__(self, ports: dict[str, int], accounts: int) -> None:
        self.project = f"rebalancer-test-{uuid.uuid4().hex[:8]}"
        self.ports = ports
        chosen = {f"{name}_PORT": str(port) for name, port in ports.items()}
        self._env = {**os.environ, **chosen, "ACCOUNTS": str(accounts)}

    def url(self, name: str) -> str:
        """Return the address that a port is published at."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def run(self, *arguments: str, may_fail: bool = False) -> str:
        """Run a command of compose and return what it prints; an exit code other than 0 fails the test."""
        file = str(CHECKOUT / "docker-compose.yml")
        command = ["docker", "compose", "--project-name", self.project, "--file", file, *arguments]
        done = subprocess.run(command, env=self._env, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        said = (done.stdout + done.stderr)[-6000:]
        assert may_fail or done.returncode == 0, (
            f"docker compose {' '.join(arguments)} ended with {done.returncode}:\n{said}"
        )
        return done.stdout

    def within(self, name: str, script: str) -> str:
        """Run a shell script in a running container and return what it prints."""
        return self.run("exec", "-T", name, "sh", "-c", script)

    def signal(self, name: str, signal: str) -> None:
        """Send a signal to what runs in a container, from within: what the engine kills, it does not start again."""
        self.run("exec", "-T", name, "sh", "-c", f"kill -{signal} $(cat /proc/1/task/1/children)", may_fail=True)

    def state(self, name: str) -> dict[str, Any]:
        """Return a container's state as the engine knows it, with its restarts."""
        identity = self.run("ps", "--all", "--quiet", name).strip()
        shown = subprocess.run(["docker", "inspect", identity], capture_output=True, text=True, check=True).stdout
        container = json.loads(shown)[0]
        return {**container["State"], "restarts": container["RestartCount"]}


def _skip_without_engine() -> None:
    if not has_container_engine():
        pytest.skip("no container engine answers here: deploy/engine/make_engine.sh makes one")
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("the engine's client has no `docker compose` of version 2")


@pytest.fixture(scope="module")
def system() -> Iterator[Compose]:
    """The whole system with a small book, after `docker compose up --wait` with nothing before it."""
    _skip_without_engine()
    assert not Path(CHECKOUT / ".env").exists(), "the clean clone of this test has no .env"
    compose = Compose(choose(dict.fromkeys(PORTS, 0)), accounts=240)
    try:
        compose.run("up", "--build", "--wait", "--wait-timeout", "1200", "--quiet-pull")
        yield compose
    finally:
        compose.run("down", "--volumes", "--timeout", "5")


class Visitor:
    """Somebody at the door, signed in at the issuer's own page."""

    def __init__(self, system: Compose) -> None:
        self._url = system.url("GATEWAY")
        self._http = httpx.Client(base_url=self._url, trust_env=False, timeout=60)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def sign_in(self) -> dict[str, Any]:
        """Sign in by name and password and return who one is."""
        form = self._http.get("/auth/login", follow_redirects=True)
        ticket = re.search(r'name="ticket" value="([^"]+)"', form.text)
        assert ticket is not None, form.text
        filled = {"ticket": ticket[1], "login": USERS[0].login, "password": USERS[0].word}
        back = self._http.post(str(form.url), data=filled)
        self._http.get(back.headers["location"])
        return self.get("/api/v1/me")

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return what a page would show."""
        response = self._http.get(path, params=query)
        response.raise_for_status()
        shown: dict[str, Any] = response.json()
        return shown

    def command(self, path: str, body: dict[str, Any] | None = None, version: int | None = None) -> dict[str, Any]:
        """Send a command as a page does, and return the batch it is about."""
        headers = {"X-CSRF-Token": self.get("/api/v1/me")["csrf"], "Origin": self._url}
        headers |= {"Idempotency-Key": str(uuid.uuid4())}
        headers |= {} if version is None else {"If-Match": f'"{version}"'}
        response = self._http.post(path, json=body, headers=headers)
        assert response.is_success, response.text
        return dict(response.json()["batch"])


@pytest.fixture
def visitor(system: Compose) -> Iterator[Visitor]:
    """Somebody who may do everything at one enterprise."""
    somebody = Visitor(system)
    somebody.sign_in()
    yield somebody
    somebody.close()
