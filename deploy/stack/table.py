"""The table of processes: what runs, with which environment, and what it waits for."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from deploy import roles
from deploy.stack import kafka, postgres
from deploy.stack.kafka_security import KafkaSecurity
from deploy.stack.layout import CHECKOUT, Layout, inherited
from deploy.stack.spec import Probe, Spec
from shared.contracts import topics
from shared.contracts.rights import AUDITOR
from shared.runtime.broker import Broker

CLIENT_ID = "rebalancer-gateway"
INFRASTRUCTURE = ("kafka", postgres.FIRST)
SIGNING_IN = ("gateway", "issuer")
"""Programs that get the secret of sign-in."""
# Return memory to the system when a chunk is done: one allocator for Python and Arrow, whose limits do not grow with
# earlier peaks.  The Dockerfile sets the same.
_PROCESS: Mapping[str, str] = {
    "PYTHONUNBUFFERED": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_TRIM_THRESHOLD_": str(4 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 20),
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "OMP_NUM_THREADS": "1",
    "TZ": "UTC",
}
KAFKA_USERS = {name: name for name in topics.SERVICES} | {"analyzer-sweeper": "analyzer", AUDITOR: AUDITOR}
"""Programs that speak to the broker, and as whom."""
MIGRATED = ("analyzer", "taxlot", "batch", "gateway")


@dataclass(frozen=True)
class Program:
    """One Python process of ours. owner: whose database roles it uses, None: no database."""

    module: tuple[str, ...]
    owner: str | None
    needs: tuple[str, ...] = INFRASTRUCTURE
    nice: int = 0


PROGRAMS: Mapping[str, Program] = {
    "issuer": Program(("deploy.issuer",), None, needs=()),
    "taxlot": Program(("services.taxlot",), "taxlot"),
    "analyzer": Program(("services.analyzer",), "analyzer"),
    # The daily analysis of a whole book must not slow down what a user waits for.
    "analyzer-sweeper": Program(("services.analyzer", "sweep"), "analyzer", nice=10),
    "proposer": Program(("services.proposer",), None),
    "batch": Program(("services.batch",), "batch"),
    "gateway": Program(("services.gateway",), "gateway", needs=(*INFRASTRUCTURE, "issuer")),
    "auditor": Program(("services.auditor",), roles.AUDITOR, nice=10),
}
SERVICES = tuple(PROGRAMS)


@dataclass(frozen=True)
class Addresses:
    """Where everything of one stack listens, and the secrets to use it.

    servers: of the database, whichever leads. security: of the broker, if it knows its clients.
    """

    layout: Layout
    ports: Mapping[str, int]
    secrets: Mapping[str, str]
    servers: tuple[str, ...] = (postgres.FIRST,)
    security: KafkaSecurity | None = None

    @property
    def kafka(self) -> str:
        """Bootstrap address, host:port."""
        return f"127.0.0.1:{self.ports['kafka']}"

    def broker(self, user: str) -> Broker:
        """Return the broker as a user of shared.contracts.rights sees it."""
        return self.security.broker(self.kafka, user) if self.security else self.kafka

    def http(self, name: str) -> str:
        """Return the address of a process's own HTTP."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def probes(self, name: str) -> str:
        """Return the address of a process's probes and metrics; the gateway has a port of its own for them."""
        return self.http(f"{name}-probes" if f"{name}-probes" in self.ports else name)

    def admin_database(self, database: str = "postgres") -> str:
        """Return the superuser's database address, of whichever server leads."""
        leading = "?target_session_attrs=primary" if len(self.servers) > 1 else ""
        return postgres.url(self._servers, "postgres", self.secrets["admin_password"], database) + leading

    def server(self, name: str) -> str:
        """Return the superuser's address on one server, whether it leads or follows."""
        return postgres.url([self.ports[name]], "postgres", self.secrets["admin_password"], "postgres")

    def database(self, role: str) -> str:
        """Return the database address with one of the roles of deploy.roles."""
        return postgres.url(self._servers, role, self.secrets[f"{role}_password"])

    @property
    def _servers(self) -> list[int]:
        return [self.ports[name] for name in self.servers]


def specs(addresses: Addresses, names: tuple[str, ...], extra: Mapping[str, str]) -> tuple[Spec, ...]:
    """Return the processes of a stack: Kafka, PostgreSQL and the named programs, `extra` added to each environment."""
    layout, chosen, password = addresses.layout, addresses.ports, addresses.secrets["admin_password"]
    databases = (postgres.spec(layout, name, chosen[name], password) for name in addresses.servers)
    programs = (_program(addresses, name, names, extra) for name in names)
    return (kafka.spec(layout, chosen["kafka"]), *databases, *programs)


def environment(addresses: Addresses, name: str, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the complete environment of the program `name`.

    Nothing named REBALANCER_ is inherited but the log level, so that a stack does not depend on the shell.
    """
    secrets, layout = addresses.secrets, addresses.layout
    owner = PROGRAMS[name].owner
    ours = {
        "KAFKA_URL": addresses.kafka,
        "HTTP_PORT": str(addresses.ports[name]),
        "INBOX_DIR": str(layout.inbox),
        "MAPPINGS_DIR": str(CHECKOUT / "deploy" / "mappings"),
        "CLOCK_FILE": str(layout.clock_file),
        "STATE_DIR": str(layout.state),
        "UI_DIR": str(CHECKOUT / "ui" / "dist"),
        "PRINCIPAL_PUBLIC_KEY": secrets["principal_public_key"],
        "LOG_LEVEL": os.environ.get("REBALANCER_LOG_LEVEL", "INFO"),
        **{f"{peer.upper()}_URL": addresses.http(peer) for peer in ("analyzer", "taxlot", "batch", "gateway")},
    }
    if addresses.security and name in KAFKA_USERS:
        ours |= kafka_environment(addresses.security, KAFKA_USERS[name])
    if owner is not None:
        ours["DATABASE_URL"] = addresses.database(owner)
    if owner in roles.SERVICES:
        ours["REQUESTS_DATABASE_URL"] = addresses.database(f"{owner}{roles.REQUESTS}")
    if f"{name}-probes" in addresses.ports:
        ours["PROBE_PORT"] = str(addresses.ports[f"{name}-probes"])
    if name == "gateway":
        watched = (f"{peer}={addresses.probes(peer)}" for peer in PROGRAMS if peer != "issuer")
        ours["WATCHED"] = ",".join(watched)
        ours |= {"PRINCIPAL_KEY": secrets["principal_key"], "SESSION_KEY": secrets["session_key"]}
    if name in SIGNING_IN:
        ours |= {
            "OIDC_ISSUER_URL": addresses.http("issuer"),
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": secrets["oidc_client_secret"],
        }
    return {**inherited(), **_PROCESS, **{f"REBALANCER_{key}": value for key, value in ours.items()}, **extra}


def kafka_environment(security: KafkaSecurity, user: str) -> dict[str, str]:
    """Return the settings, without their prefix, with which a program speaks to the broker as this user."""
    return {
        "KAFKA_SECURITY": "SASL_SSL",
        "KAFKA_CA_FILE": str(security.ca_file),
        "KAFKA_USER": user,
        "KAFKA_MECHANISM": security.mechanism(user),
        "KAFKA_PASSWORD": security.passwords[user],
    }


def _program(addresses: Addresses, name: str, present: tuple[str, ...], extra: Mapping[str, str]) -> Spec:
    program = PROGRAMS[name]
    return Spec(
        name=name,
        argv=(sys.executable, "-m", *program.module),
        cwd=str(CHECKOUT),
        env=environment(addresses, name, extra),
        needs=tuple(
            "|".join(addresses.servers) if need == postgres.FIRST else need
            for need in program.needs
            if need in INFRASTRUCTURE or need in present
        ),
        probe=Probe("http", f"{addresses.probes(name)}/readyz"),
        nice=program.nice,
        alive=Probe("http", f"{addresses.probes(name)}/healthz"),
    )
