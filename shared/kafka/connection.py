"""What every Kafka client is made with.  No client is made without it: tests/unit/test_kafka_clients.py looks."""

import ssl
from typing import Any

from shared.runtime.broker import Broker, SecuredBroker, url_of


def client_options(broker: Broker) -> dict[str, Any]:
    """Return the arguments of an aiokafka client: where the brokers are, and how to speak to them.

    Raises OSError or ssl.SSLError if the file of the authority cannot be read.
    """
    return {"bootstrap_servers": url_of(broker), **security_options(broker)}


def security_options(broker: Broker) -> dict[str, Any]:
    """Return the part of `client_options` that says how to speak to the brokers; empty without TLS."""
    if not isinstance(broker, SecuredBroker):
        return {}
    return {
        "security_protocol": "SASL_SSL",
        "ssl_context": tls(broker),
        "sasl_mechanism": broker.mechanism,
        "sasl_plain_username": broker.user,
        "sasl_plain_password": broker.password,
    }


def tls(broker: SecuredBroker) -> ssl.SSLContext:
    """Return a context that trusts the broker's authority alone, and checks that the certificate names the host."""
    return ssl.create_default_context(cafile=str(broker.ca_file))
