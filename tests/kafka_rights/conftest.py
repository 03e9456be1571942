"""A broker with TLS, users and rights, and no service; what a test takes from it, it gives back."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy.acls.apply import apply
from deploy.acls.brokers import ADMIN
from deploy.stack import Stack, table
from shared.contracts.rights import USERS
from tests.waiting import aside

UNCLOSED = pytest.mark.filterwarnings("ignore:unclosed (transport|<socket):ResourceWarning")
"""aiokafka closes a TLS connection without waiting for the broker to end its side; a loop that ends then leaves it.

The transport says so when it is collected, or its socket if that is collected first.
"""


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Have such connections collected here, and not in a test of another folder."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class SecuredKafka:
    """The broker of a stack, seen as one of its users."""

    def __init__(self, stack: Stack) -> None:
        self.addresses = stack.addresses
        assert self.addresses.security is not None
        self.security = self.addresses.security
        self.broker = self.addresses.broker

    @property
    def passwords(self) -> dict[str, str]:
        """The password of every user of ours."""
        return {user: word for user, word in self.security.passwords.items() if user != ADMIN}

    def environment(self, user: str) -> dict[str, str]:
        """Return the settings of a process that is this user."""
        ours = {"KAFKA_URL": self.addresses.kafka, **table.kafka_environment(self.security, user)}
        return {f"REBALANCER_{name}": value for name, value in ours.items()}

    def restore(self) -> None:
        """Give every user its password and its rights again."""
        aside(apply(self.broker(ADMIN), self.passwords))

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Restore passwords and rights at the end."""
        try:
            yield
        finally:
            self.restore()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """A secured broker with all topics, users and rights."""
    with Stack(tmp_path_factory.mktemp("secured"), services=(), secured=True) as stack:
        assert set(SecuredKafka(stack).passwords) == set(USERS)
        yield SecuredKafka(stack)
