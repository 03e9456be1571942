"""TLS, users and rights for a stack's broker: its certificate, the passwords, and how the broker is configured.

Kept in the stack's own directory, in files that only their owner reads.  The broker shows itself to its controller with
the same certificate by which clients know it; both are super users, and so is `admin`, who makes the other users.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.acls import brokers
from deploy.acls.brokers import ADMIN, BROKER
from deploy.certificates import issue
from deploy.stack.layout import Layout, read_json, write_json
from shared.contracts.rights import USERS
from shared.runtime.broker import SCRAM, SecuredBroker

HOSTS: Final = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class KafkaSecurity:
    """What clients and the broker of one stack need.  passwords: by user."""

    folder: Path
    passwords: dict[str, str]

    @property
    def ca_file(self) -> Path:
        """The certificate that clients trust."""
        return self.folder / "ca.pem"

    @property
    def identity_file(self) -> Path:
        """The broker's private key and certificate."""
        return self.folder / "broker.pem"

    def broker(self, url: str, user: str) -> SecuredBroker:
        """Return the broker as this user sees it.  Raises KeyError for a user that is not of ours."""
        return SecuredBroker(url, self.ca_file, user, self.passwords[user], self.mechanism(user))

    def mechanism(self, user: str) -> str:
        """Return how the user shows its password."""
        return brokers.ADMIN_MECHANISM if user == ADMIN else SCRAM

    def properties(self, port: int, controller_port: int) -> dict[str, str]:
        """Return the broker's settings for its listeners and for who may do what."""
        mutual = {f"listener.name.{name}.ssl.client.auth": "required" for name in ("brokers", "controller")}
        return mutual | {
            # The port of the brokers' own listener is any that is free: nobody but this broker connects to it.
            "listeners": f"CLIENTS://127.0.0.1:{port},BROKERS://127.0.0.1:0,CONTROLLER://127.0.0.1:{controller_port}",
            "listener.security.protocol.map": "CLIENTS:SASL_SSL,BROKERS:SSL,CONTROLLER:SSL",
            "inter.broker.listener.name": "BROKERS",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.identity_file),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.ca_file),
            **brokers.sign_in("clients", self.passwords[ADMIN]),
            **brokers.RIGHTS,
        }


def load(layout: Layout) -> KafkaSecurity:
    """Return what the stack's broker and its clients need, making what is missing."""
    folder = layout.state / "kafka-security"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / "passwords.json"
    kept: dict[str, str] = read_json(file)
    known = {user: kept.get(user) or secrets.token_urlsafe(24) for user in (ADMIN, *USERS)}
    if known != kept:
        write_json(file, known)
    security = KafkaSecurity(folder, known)
    if not (security.ca_file.exists() and security.identity_file.exists()):
        issued = issue(BROKER, HOSTS)
        security.identity_file.touch(mode=0o600)
        security.identity_file.write_text(issued.identity)
        security.ca_file.write_text(issued.authority)
    return security
