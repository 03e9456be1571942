"""One stack with a book of its own for all tests that kill things, and a batch that nothing happened to."""

from collections.abc import Iterator

import pytest

from benchmarks.machine import fixed_work_s
from deploy.desk import Desk
from deploy.stack import Stack
from tests.books import a_book, load_book
from tests.faults.batches import ACCOUNTS, Figures, Recoveries, figures_after, proposable
from tests.waiting import until

SERVICES = ("taxlot", "analyzer", "analyzer-sweeper", "proposer", "batch", "issuer", "gateway")


@pytest.fixture(scope="package")
def hurt_stack(tmp_path_factory: pytest.TempPathFactory, built_ui: object) -> Iterator[Stack]:
    """The whole system on a book with more accounts to rebalance than a batch takes; every part of it killable.

    Its programs know two database servers, of which the second runs only where a test makes it follow the first.
    """
    place = tmp_path_factory.mktemp("faults")
    with Stack(place / "stack", SERVICES, standby=True) as stack:
        load_book(stack, a_book(place / "book", accounts=1700))
        yield stack


@pytest.fixture(scope="package")
def desk(hurt_stack: Stack) -> Iterator[Desk]:
    """Somebody who may do everything with every account."""
    with Desk(hurt_stack, ("E1", "E2", "E3")) as desk:
        yield desk


@pytest.fixture(scope="package")
def undisturbed(desk: Desk) -> Figures:
    """State and figures by account of a batch that nothing happened to."""
    accounts = until(lambda: proposable(desk), lambda seen: len(seen) >= ACCOUNTS)[:ACCOUNTS]
    return figures_after(desk, desk.propose(accounts)["batch_id"])


@pytest.fixture(scope="package")
def recoveries(request: pytest.FixtureRequest) -> Iterator[Recoveries]:
    """What tests tell of the time that a killed process takes; printed at the end, whether output is shown or not."""
    told = Recoveries()
    yield told
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(told.table(fixed_work_s()))
