"""Where a test's broker and database are: given by environment, in containers, or the local stack."""

import functools
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from deploy import roles
from deploy.stack import Stack
from tests.ports import free_port

KAFKA_IMAGE = "apache/kafka:4.3.0"
POSTGRES_IMAGE = "postgres:18"
ROLE_PASSWORD = "only-for-tests"  # pragma: allowlist secret
# The library's own helper would need one more image; containers of the tests end with their fixtures.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
# Ports are published on every address; the library would take that of a bridge where it believes itself in a container.
os.environ.setdefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")


@functools.cache
def has_container_engine() -> bool:
    """Return whether a container engine answers here."""
    host = os.environ.get("DOCKER_HOST", "")
    if not host and not Path("/var/run/docker.sock").exists():
        return False
    import docker
    import docker.errors

    try:
        client = docker.from_env(timeout=3)
        client.ping()
        client.close()
    except docker.errors.DockerException:
        return False
    return True


@contextmanager
def kafka_container() -> Iterator[str]:
    """Run a broker in a container and yield its address, host:port."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    port = free_port()
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_MESSAGE_MAX_BYTES": str(4 * 1024 * 1024 + 65536),
    }
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port).with_envs(**settings)
    started = LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(60)
    with container.waiting_for(started):
        yield f"127.0.0.1:{port}"


@contextmanager
def postgres_container() -> Iterator[str]:
    """Run a server in a container and yield the superuser's address."""
    from testcontainers.community.postgres import PostgresContainer

    with PostgresContainer(POSTGRES_IMAGE, driver=None) as container:
        yield container.get_connection_url()


@contextmanager
def local_infrastructure(directory: Path) -> Iterator[Stack]:
    """Run Kafka and PostgreSQL, and no service, as the local stack does."""
    with Stack(directory, services=()) as stack:
        yield stack


def create_roles(admin_url: str) -> None:
    """Create the roles of all services on a server of the tests; all have one password."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        roles.create(connection, dict.fromkeys(roles.NAMES, ROLE_PASSWORD))


def as_role(database_url: str, role: str) -> str:
    """Return the address of the same database for one of the roles of deploy.roles."""
    address = urlsplit(database_url)
    return f"postgresql://{role}:{ROLE_PASSWORD}@{address.hostname}:{address.port}{address.path}"


@contextmanager
def fresh_database(admin_url: str) -> Iterator[str]:
    """Create a database with nothing but the services' empty schemas, yield its address, drop it.

    What still uses it is ended.
    """
    name = sql.Identifier(f"test_{uuid.uuid4().hex[:12]}")
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            base, _, _ = admin_url.rpartition("/")
            url = f"{base}/{name.as_string()[1:-1]}"
            with psycopg.connect(url) as inside:
                roles.give_schemas(inside)
            yield url
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
