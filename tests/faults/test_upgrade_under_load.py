"""From an earlier release to this one and back while people work, service after service, with chunks in flight.

The earlier release is a commit of this repository, run by its own code: the newest one before the present migrations.
Its locked requirements are those of today, so that it runs in the environment that is there.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy import roles
from deploy.client import StackClient
from deploy.stack import Stack, schema, table
from deploy.stack.layout import CHECKOUT
from deploy.stack.spec import Spec
from tests.books import a_book, load_book
from tests.faults import card
from tests.faults.card import Outcome
from tests.faults.harness import count_dead_letters
from tests.faults.load import Load, propose_for, reconcile
from tests.waiting import aside, until

EARLIER = "4f6450a"
SERVICES = ("taxlot", "analyzer", "proposer", "batch")
ALL = (*SERVICES, "analyzer-sweeper", "issuer", "gateway")
RUNNING = ALL if card.FOLDER else SERVICES
REPLACED: tuple[str, ...] = ALL if card.FOLDER else ("batch",)
LARGE = card.trials(60, 500)
"""Accounts of the batch that is under way while a service is replaced."""
LOCK = "requirements/runtime.lock"
pytestmark = [
    pytest.mark.fault, pytest.mark.slow, pytest.mark.timeout(card.trials(900, 8 * 3600), func_only=True),
]  # fmt: skip


class Releases:
    """The code of two releases, and which of them each program runs when it is next started."""

    def __init__(self, folder: Path) -> None:
        self.earlier = folder / "earlier"
        self._links = folder / "links"
        self._links.mkdir()
        self.earlier.mkdir()
        archive = git("archive", EARLIER)
        subprocess.run(["tar", "-x"], cwd=self.earlier, input=archive.stdout, check=True)
        for program in table.PROGRAMS:
            self.choose(program, self.earlier)

    def choose(self, program: str, code: Path) -> None:
        """Have a program run this code from its next start on."""
        fresh = self._links / "fresh"
        fresh.symlink_to(code)
        fresh.replace(self._links / program)

    def specs(self, *given: Any) -> tuple[Spec, ...]:
        """Return the processes of a stack, each program where the link to its code points."""
        return tuple(
            replace(spec, cwd=str(self._links / spec.name)) if spec.name in table.PROGRAMS else spec
            for spec in _SPECS(*given)
        )


_SPECS = table.specs


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    """Both releases.  Skips where the earlier one is not in the history, as in a shallow clone."""
    if shutil.which("git") is None or git("cat-file", "-e", f"{EARLIER}^{{commit}}").returncode:
        pytest.skip(f"commit {EARLIER} is not in the history here (a shallow clone, or no git)")
    found = Releases(tmp_path_factory.mktemp("releases"))
    assert (found.earlier / LOCK).read_text() == (CHECKOUT / LOCK).read_text(), (
        f"{LOCK} has changed since {EARLIER}: choose a later commit, the newest before the present migrations"
    )
    return found


@pytest.fixture
def stack(tmp_path: Path, releases: Releases, built_ui: object) -> Iterator[Stack]:
    """A stack that the earlier release has set up and runs."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(table, "specs", releases.specs)
        patched.setattr(schema, "migrate", lambda layout, names, env_of, steps: migrate(releases.earlier, env_of))
        stack = Stack(tmp_path / "stack", RUNNING).start()
    try:
        # Files as that release knows them: it cannot read what this one has added to their form.
        load_book(stack, a_book(tmp_path / "book", accounts=card.trials(200, 4000), code=releases.earlier))
        yield stack
    finally:
        stack.stop()


def git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Ask git about the checkout, whoever owns it."""
    command = ["git", "-c", "safe.directory=*", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=False)


def migrate(code: Path, env_of: Callable[[str], Mapping[str, str]]) -> None:
    """Bring all schemas to the newest form that this code knows."""
    for service in table.MIGRATED:
        run = [sys.executable, "-m", f"services.{service}", "migrate"]
        subprocess.run(run, cwd=code, env=env_of(service), check=True, capture_output=True)


def test_an_upgrade_under_load_and_back(stack: Stack, releases: Releases) -> None:
    """Migrations first, as docs/upgrading.md says; the way back leaves them as they are."""

    def env_of_owner(service: str) -> dict[str, str]:
        return {**stack.env_of(service), "REBALANCER_DATABASE_URL": stack.database_url(f"{service}{roles.OWNER}")}

    before = aside(count_dead_letters(stack.addresses.kafka))
    recoveries_s = []
    with Load(stack, card.SEED) as load, StackClient(stack, ("E1", "E2", "E3")) as client:
        load.one_more()
        migrate(CHECKOUT, env_of_owner)
        load.one_more()
        for code in (CHECKOUT, releases.earlier):
            for program in REPLACED:
                recoveries_s.append(replaced(stack, releases, client, load, program, code))
    assert aside(count_dead_letters(stack.addresses.kafka)) == before, "each release reads what the other sends"
    found = reconcile(stack, load.ledger)
    card.keep(Outcome("F17", len(recoveries_s), found.lost, found.doubled, recoveries_s=tuple(recoveries_s)))


def replaced(  # noqa: PLR0913  # what is there, and what is done with it
    stack: Stack, releases: Releases, client: StackClient, load: Load, program: str, code: Path
) -> float:
    """Replace the code of a program while a large batch is under way; return the seconds until all is as it was."""
    large = propose_for(client, LARGE, "under way")
    releases.choose(program, code)
    at_s = time.monotonic()
    stack.restart(program)
    stack.wait_ready()
    load.one_more()
    recovery_s = time.monotonic() - at_s
    assert Path(f"/proc/{stack.pid(program)}/cwd").resolve() == code.resolve()
    done = until(lambda: client.batch(large["batch_id"]), lambda seen: seen["status"] != "WORKING", within_s=300)
    assert done["status"] == "PENDING_APPROVAL", done
    assert {row["state"] for row in client.rows(large["batch_id"])} <= {"PROPOSED", "FAILED"}
    client.command(done, "cancel")
    return recovery_s
