"""`python -m deploy.docker.make_secrets STORE VOLUMES`: the secrets of the system in containers.

STORE keeps all of them from start to start and is mounted by this program alone.  Below VOLUMES is one volume for each
reader, which mounts that volume and no other: nobody reads a secret that is not its own.  Every start writes the
volumes again, so one that was interrupted or lost is made whole.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy import roles
from deploy.acls import brokers
from deploy.certificates import issue
from deploy.stack import keys
from deploy.stack.layout import read_json, write_json
from deploy.stack.postgres import DATABASE
from shared.contracts.rights import AUDITOR, PLATFORM, TOPICS_ADMIN, USERS
from shared.contracts.topics import SERVICES

SERVER: Final = "postgres:5432"
GRAFANA: Final = "grafana_password"
CERTIFICATES: Final = ("kafka_authority", "kafka_identity")
KAFKA_HOSTS: Final = ("kafka", "localhost", "127.0.0.1")
"""By these names other containers and the machine itself reach the broker."""
KAFKA_LISTENERS: Final = ("clients", "host")
KAFKA_READERS: Final = (*SERVICES, AUDITOR, PLATFORM, TOPICS_ADMIN)
"""Readers whose processes connect to the broker, each as the user of its own name."""
OF_BEFORE: Final = {"admin_password": "POSTGRES_PASSWORD", GRAFANA: "GRAFANA_PASSWORD"}  # pragma: allowlist secret
"""Secrets that a data volume remembers, and the variables in which an earlier release was given them."""


def make(store: Path, volumes: Path, given: Mapping[str, str]) -> None:
    """Complete the store and write every volume.  given: the environment, which may hold passwords of a release before.

    Raises OSError if a volume cannot be written.
    """
    file = store / "secrets.json"
    kept: dict[str, str] = read_json(file)
    for name, variable in OF_BEFORE.items():
        if name not in kept and given.get(variable):
            kept[name] = given[variable]
    known = keys.complete(kept) | {GRAFANA: kept.get(GRAFANA) or secrets.token_hex(16)} | _of_kafka(kept)
    write_json(file, known)
    for reader, files in contents(known).items():
        for name, secret in files.items():
            _write(volumes / reader / name, secret)


def contents(known: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return each reader's files: the name of a file, and the secret in it.

    Settings are read from files named after their variables (shared.runtime.settings).
    """
    readers: dict[str, dict[str, str]] = {}
    for service in roles.SERVICES:
        readers[service] = {
            "rebalancer_database_url": _url(known, service),
            "rebalancer_requests_database_url": _url(known, f"{service}{roles.REQUESTS}"),
            "rebalancer_principal_public_key": known["principal_public_key"],
        }
        readers[f"migrate-{service}"] = {"rebalancer_database_url": _url(known, f"{service}{roles.OWNER}")}
    # The gateway signs with the private key; the services verify with the public one.
    del readers["gateway"]["rebalancer_principal_public_key"]
    for name in ("principal_key", "session_key", "oidc_client_secret"):
        readers["gateway"][f"rebalancer_{name}"] = known[name]
    readers[roles.AUDITOR] = {"rebalancer_database_url": _url(known, roles.AUDITOR)}
    readers["grants"] = {"rebalancer_database_url": _url(known, "gateway")}
    readers["issuer"] = {"rebalancer_oidc_client_secret": known["oidc_client_secret"]}
    readers["roles"] = {f"{role}_password": known[f"{role}_password"] for role in roles.NAMES}
    readers["roles"]["rebalancer_admin_database_url"] = _address("postgres", known["admin_password"])
    readers["postgres"] = {"postgres_password": known["admin_password"]}
    readers["grafana"] = {GRAFANA: known[GRAFANA]}
    for reader in KAFKA_READERS:
        readers.setdefault(reader, {}).update(_kafka_client(known, known[_password_of(reader)]))
    readers["acls"] = _kafka_client(known, known[_password_of(brokers.ADMIN)])
    readers["acls"] |= {_password_of(user): known[_password_of(user)] for user in USERS}
    settings: dict[str, str] = {}
    for listener in KAFKA_LISTENERS:
        settings |= brokers.sign_in(listener, known[_password_of(brokers.ADMIN)])
    readers["kafka"] = {
        "server.properties": "".join(f"{name}={value}\n" for name, value in settings.items()),
        "broker.pem": known["kafka_identity"],
        "ca.pem": known["kafka_authority"],
    }
    return readers


def kafka_names() -> tuple[str, ...]:
    """Return the names of the secrets that are about the broker."""
    return (*CERTIFICATES, *(_password_of(user) for user in (brokers.ADMIN, *USERS)))


def _of_kafka(kept: Mapping[str, str]) -> dict[str, str]:
    """Return the broker's secrets: those that are kept, and new ones for what is missing."""
    known = {name: kept.get(name) or secrets.token_hex(32) for name in kafka_names()}
    if not all(kept.get(name) for name in CERTIFICATES):
        issued = issue(brokers.BROKER, KAFKA_HOSTS)
        known |= dict(zip(CERTIFICATES, (issued.authority, issued.identity), strict=True))
    return known


def _password_of(user: str) -> str:
    """Return the name of a user's password, as `python -m deploy.acls` reads it."""
    return f"kafka_password_{user.replace('-', '_')}"


def _kafka_client(known: Mapping[str, str], password: str) -> dict[str, str]:
    return {"rebalancer_kafka_password": password, "kafka_ca.pem": known["kafka_authority"]}


def _url(known: Mapping[str, str], role: str) -> str:
    return _address(role, known[f"{role}_password"])


def _address(role: str, password: str) -> str:
    return f"postgresql://{role}:{password}@{SERVER}/{DATABASE}"


def _write(file: Path, secret: str) -> None:
    """Replace a file in one step.  Its reader has another user id than its writer: who mounts the volume may read.

    The broker's own script copies its file with the mode that it has here, and then adds to the copy.
    """
    part = file.with_name(f".{file.name}")
    part.unlink(missing_ok=True)
    part.write_text(secret)
    part.chmod(0o644)
    part.replace(file)


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]), os.environ)
