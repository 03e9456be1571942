"""Where the brokers are, and how a client shows them who it is."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

SCRAM: Final = "SCRAM-SHA-512"


@dataclass(frozen=True)
class SecuredBroker:
    """Brokers that are spoken to over TLS and know their clients by user and password.

    url: host:port[,host:port]; ca_file: PEM file of the authority that signed their certificates; mechanism: how the
    password is shown.
    """

    url: str
    ca_file: Path
    user: str
    password: str = field(repr=False)
    mechanism: str = SCRAM


Broker: TypeAlias = str | SecuredBroker
"""Brokers; an address alone, host:port[,host:port], is one without TLS that asks nobody who they are."""


def url_of(broker: Broker) -> str:
    """Return the address of the brokers, host:port[,host:port]."""
    return broker if isinstance(broker, str) else broker.url


def user_of(broker: Broker) -> str:
    """Return as whom a client speaks to the brokers."""
    return "anonymous" if isinstance(broker, str) else broker.user
