"""Two stacks, each with a book of its own, for all tests that kill things; and a batch that nothing happened to."""

from collections.abc import Iterator

import pytest

from benchmarks.machine import fixed_work_s
from deploy.client import StackClient
from deploy.stack import Stack
from tests.books import a_book, load_book
from tests.faults import card
from tests.faults.harness import ACCOUNTS, Figures, Recoveries, figures_after, proposable
from tests.waiting import until

_LAST = ("auditor",) if card.FOLDER else ()  # nobody waits for it, so an ordinary run does without
SERVICES = ("taxlot", "analyzer", "analyzer-sweeper", "proposer", "batch", "issuer", "gateway", *_LAST)


@pytest.fixture(scope="package")
def hurt_stack(tmp_path_factory: pytest.TempPathFactory, built_ui: object) -> Iterator[Stack]:
    """The whole system on a book with more accounts to rebalance than a batch takes; every part of it killable.

    Its programs know two database servers, of which the second runs only where a test makes it follow the first.
    """
    folder = tmp_path_factory.mktemp("faults")
    # Tests stop a process to choose a moment; nobody else is to judge it then.
    with Stack(folder / "stack", SERVICES, standby=True, hung_after_s=600) as stack:
        load_book(stack, a_book(folder / "book", accounts=1700))
        yield stack


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory, built_ui: object) -> Iterator[Stack]:
    """The whole system on a book of its own, watched as `make up` is, for all tests under load."""
    folder = tmp_path_factory.mktemp("load")
    with Stack(folder / "stack", SERVICES) as stack:
        load_book(stack, a_book(folder / "book", accounts=card.trials(400, 4000)))
        yield stack


@pytest.fixture(scope="package")
def client(hurt_stack: Stack) -> Iterator[StackClient]:
    """Somebody who may do everything with every account."""
    with StackClient(hurt_stack, ("E1", "E2", "E3")) as client:
        yield client


@pytest.fixture(scope="package")
def undisturbed(client: StackClient) -> Figures:
    """State and figures by account of a batch that nothing happened to."""
    accounts = until(lambda: proposable(client), lambda seen: len(seen) >= ACCOUNTS)[:ACCOUNTS]
    return figures_after(client, client.propose(accounts)["batch_id"])


@pytest.fixture(scope="package")
def recoveries(request: pytest.FixtureRequest) -> Iterator[Recoveries]:
    """What tests tell of the time that a killed process takes; printed at the end, whether output is shown or not."""
    recovered = Recoveries()
    yield recovered
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(recovered.table(fixed_work_s()))
