"""Does the broker let this process do what its service must?  Looked at from time to time, and told in one sentence.

Client libraries hide the reason: a wrong password and a broker that is away are the same error to them, and a topic
that is forbidden or missing is a message that never comes.  So the broker is asked, over a connection of its own, and
what it refuses stands in the log (once, when it changes) and at /readyz, with what to do about it.
"""

import asyncio
import contextlib
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from typing import Final

from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.errors import (
    BrokerResponseError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedSaslMechanismError,
)

from shared.contracts.rights import USERS, Right, rights_of
from shared.kafka.authorized import group_error, topics_allowed
from shared.kafka.connection import security_options
from shared.runtime import log
from shared.runtime.broker import Broker, SecuredBroker, url_of, user_of
from shared.runtime.components import Heartbeat, ServiceComponent, no_heartbeat
from shared.runtime.pause import pause

REFUSED_PAUSE_S: Final = 5.0
"""Seconds between two attempts at what the broker refuses: somebody has to act first."""
_EVERY_S: Final = 30.0
_REPLY_MS: Final = 5_000
_BEAT_S: Final = 1.0
_NO_SCRAM: Final = (UnsupportedSaslMechanismError, IllegalSaslStateError)
_FORBIDDEN: Final = (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError)
_APPLY: Final = "has not the rights that `python -m deploy.acls apply` gives (docs/kafka-rights.md)"
_log = log.get(__name__)


@dataclass(frozen=True)
class Refusals:
    """What the broker refuses, in sentences.

    connection: every connection of ours; forbidden: what the user may not; missing: topics that are not there;
    doubtful: it ends connections without a word, as one does that is just starting.
    """

    connection: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    forbidden: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """Return all of them."""
        return [*self.connection, *self.doubtful, *self.forbidden, *self.missing]


def is_refusal(error: BaseException) -> bool:
    """Say whether the broker forbids what was tried, so that trying again at once is in vain."""
    return isinstance(error, _FORBIDDEN)


async def refusals(broker: Broker, rights: Collection[Right] = ()) -> Refusals:
    """Ask the broker for what it refuses of these rights.

    Raises KafkaError, OSError or TimeoutError if no broker replies.
    """
    try:
        connection = await connected(broker)
    except FileNotFoundError:
        return Refusals(connection=["the file that REBALANCER_KAFKA_CA_FILE names is not there"])
    except (ssl.SSLError, ConnectionResetError, KafkaError) as error:
        return _why_refused(broker, error)
    try:
        return await _look(connection, user_of(broker), rights)
    finally:
        connection.close()


async def explained(broker: Broker, error: BaseException, rights: Collection[Right] = ()) -> str:
    """Return why a command could not work with the broker: what it refuses, else the error itself."""
    try:
        found = (await refusals(broker, rights)).sentences()
    except (KafkaError, OSError, TimeoutError) as away:
        return f"Kafka at {url_of(broker)} does not answer ({away!r})"
    return "; ".join(found) or f"Kafka at {url_of(broker)}: {error!r}"


async def connected(broker: Broker) -> AIOKafkaConnection:
    """Return a connection to the first broker that takes one.

    Raises what the last one raised: OSError, TimeoutError or KafkaError.
    """
    hosts = collect_hosts(url_of(broker))
    for number, (host, port, _) in enumerate(hosts, start=1):
        try:
            return await create_conn(host, port, request_timeout_ms=_REPLY_MS, **security_options(broker))
        except (KafkaError, OSError, TimeoutError):
            if number == len(hosts):
                raise
    raise KafkaConnectionError(f"{url_of(broker)!r} names no broker")


async def refused_for_good(broker: Broker) -> list[str]:
    """Return why no connection of ours will be taken however long we wait; nothing if the broker may be away."""
    try:
        return (await refusals(broker)).connection
    except (KafkaError, OSError, TimeoutError):
        return []


async def report_refusal(broker: Broker) -> None:
    """Write to the log why no connection of ours is taken; nothing if the broker may only be away."""
    if found := await refused_for_good(broker):
        _log.error("access.refused", because="; ".join(found))


class AccessWatch:
    """Looks at the rights of a service from time to time; a broker that is away changes nothing of what was found."""

    def __init__(self, service: str, broker: Broker, *, every_s: float = _EVERY_S) -> None:
        self._broker = broker
        self._rights = rights_of(service) if service in USERS else []
        self._every_s = every_s
        self._found = Refusals()
        self._looked = asyncio.Event()

    def troubles(self) -> list[str]:
        """Return a sentence for each thing that the broker refused at the last look."""
        return self._found.sentences()

    async def run(self, heartbeat: Heartbeat = no_heartbeat) -> None:
        """Look until cancelled, more often while something is refused."""
        while True:
            await self.look()
            await _pause(min(self._every_s, REFUSED_PAUSE_S) if self.troubles() else self._every_s, heartbeat)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look while the context is open."""
        looking = asyncio.create_task(self.run(), name="access")
        try:
            yield
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    async def until_allowed(self) -> None:
        """Wait as long as the broker refuses every connection or forbids something; missing topics may come later."""
        while (found := await self.look()).connection or found.forbidden:
            await pause(REFUSED_PAUSE_S)

    def gated(self, component: ServiceComponent) -> ServiceComponent:
        """Return the component, which begins once `run` has found that the broker does not refuse every connection.

        A broker that is away is not waited for: the component has its own patience with that.
        """

        async def run(heartbeat: Heartbeat) -> None:
            await self._looked.wait()
            while self._found.connection:
                await _pause(_BEAT_S, heartbeat)
            await component(heartbeat)

        return run

    async def look(self) -> Refusals:
        """Ask the broker once and return what it refuses; write to the log what has changed."""
        before = self._found
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            self._found = await refusals(self._broker, self._rights)
        if self._found != before and self.troubles():
            _log.error("access.refused", because="; ".join(self.troubles()))
        elif self._found != before:
            _log.info("access.granted")
        self._looked.set()
        return self._found


async def _pause(seconds: float, heartbeat: Heartbeat) -> None:
    """Sleep for so long, with a heartbeat every second."""
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        heartbeat()
        await pause(min(left_s, _BEAT_S))


def _why_refused(broker: Broker, error: BaseException) -> Refusals:
    """Return why no connection is possible; nothing if the broker may only be away."""
    at = f"the broker at {url_of(broker)}"
    if isinstance(error, SaslAuthenticationFailed):
        return Refusals(
            connection=[
                f"{at} refuses the user {user_of(broker)}: REBALANCER_KAFKA_PASSWORD is wrong, or the user was never"
                " made; `python -m deploy.acls apply` makes users and sets their passwords"
            ]
        )
    if isinstance(error, ssl.SSLCertVerificationError) and isinstance(broker, SecuredBroker):
        return Refusals(
            connection=[
                f"{at} shows a certificate that {broker.ca_file} (REBALANCER_KAFKA_CA_FILE) does not vouch for:"
                f" {error.verify_message}"
            ]
        )
    if isinstance(error, _NO_SCRAM):
        return Refusals(connection=[f"{at} takes no passwords in the way of REBALANCER_KAFKA_MECHANISM: {error}"])
    if isinstance(error, BrokerResponseError):
        return Refusals(connection=[f"{at} refuses the user {user_of(broker)}: {error}"])
    if isinstance(broker, str):
        return Refusals(
            doubtful=[f"{at} ends connections without TLS: does it need REBALANCER_KAFKA_SECURITY=SASL_SSL?"]
        )
    return Refusals(doubtful=[f"{at} ends connections with TLS: is REBALANCER_KAFKA_SECURITY=SASL_SSL right for it?"])


async def _look(connection: AIOKafkaConnection, user: str, rights: Collection[Right]) -> Refusals:
    """Compare the rights with what the broker allows.  Raises KafkaError or TimeoutError if it does not reply."""
    wanted = {right for right in rights if right.resource == "Topic"}
    allowed = await topics_allowed(connection, {right.name for right in wanted}) if wanted else {}
    missing = {name for name, access in allowed.items() if access.error_code == UnknownTopicOrPartitionError.errno}
    refused: dict[str, list[str]] = defaultdict(list)
    for right in sorted(wanted, key=lambda right: (right.operation, right.name)):
        if right.name not in missing and not allowed[right.name].allows(right.operation):
            refused[f"{right.operation.lower()} the topics"].append(right.name)
    for right in sorted(set(rights) - wanted):
        if await group_error(connection, right.name) == GroupAuthorizationFailedError.errno:
            refused[f"{right.operation.lower()} the groups"].append(f"{right.name}{'*' * right.prefixed}")
    things = "; ".join(f"{what} {', '.join(names)}" for what, names in refused.items())
    forbidden = [f"the user {user} {_APPLY}: it may not {things}"] if refused else []
    absent = [f"missing topics: {', '.join(sorted(missing))}: `python -m deploy.topics` makes them"] if missing else []
    return Refusals(forbidden=forbidden, missing=absent)
