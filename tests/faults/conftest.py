"""One stack with a book of its own for all tests that kill things."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.desk import Desk
from deploy.stack import Stack
from tests.books import a_book, load_book


@pytest.fixture(scope="module")
def hurt_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The five services on a book of 900 accounts, every part of it killable."""
    place: Path = tmp_path_factory.mktemp("faults")
    services = ("taxlot", "analyzer", "analyzer-sweeper", "proposer", "batch", "issuer", "gateway")
    with Stack(place / "stack", services) as stack:
        load_book(stack, a_book(place / "book", accounts=1500))
        yield stack


@pytest.fixture
def desk(hurt_stack: Stack) -> Iterator[Desk]:
    """Somebody who may do everything with every account."""
    with Desk(hurt_stack, ("E1", "E2", "E3")) as desk:
        yield desk
