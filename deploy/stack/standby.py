"""A second database server that follows the leading one commit by commit, and takes over from it.

For stacks with `standby=True`. The servers are known by name (`postgres.FIRST`, `postgres.STANDBY`); either
may lead. docs/on-call.md describes a real pair.
"""

import time

import psycopg

from deploy.stack import postgres
from deploy.stack.errors import StackError
from deploy.stack.stack import POLL_S, Stack

PATIENCE_S = 60.0


def follow(stack: Stack, follower: str, leader: str) -> None:
    """Make `follower` a copy of `leader` that follows it; from then on a commit is acknowledged only once both have it.

    Raises StackError when the copy fails or does not catch up within PATIENCE_S.
    """
    addresses = stack.addresses
    stack.halt(follower)
    postgres.copy(stack.layout, follower, addresses.ports[leader], addresses.secrets["admin_password"])
    stack.resume(follower)
    stack.wait_ready(follower)
    with _session(stack, leader) as connection:
        # After the copy, which must not contain the setting: the follower would wait for itself once it leads.
        connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '\"{follower}\"'".encode())
        connection.execute("SELECT pg_reload_conf()")
        until = time.monotonic() + PATIENCE_S
        while not _is_synchronous(connection, follower):
            if time.monotonic() > until:
                raise StackError(f"{follower} does not follow {leader}:\n{stack.log_tail(follower)}")
            time.sleep(POLL_S)


def take_over(stack: Stack, follower: str, leader: str) -> None:
    """Let `follower` lead in the place of `leader`, which must have ended for good.

    Raises StackError if it has not: clients would write to both leaders.
    """
    if stack.status(leader)[leader]["state"] != "off":
        raise StackError(f"{leader} must be halted before {follower} takes over from it")
    with _session(stack, follower) as connection:
        row = connection.execute("SELECT pg_promote(true, %s)", [int(PATIENCE_S)]).fetchone()
    if row != (True,):
        raise StackError(f"{follower} did not take over within {PATIENCE_S:.0f} s:\n{stack.log_tail(follower)}")


def _session(stack: Stack, server: str) -> psycopg.Connection:
    """Open a session of the superuser on one server, whether it leads or follows."""
    limit = f"-c statement_timeout={2 * PATIENCE_S:.0f}s"
    return psycopg.connect(stack.addresses.server(server), autocommit=True, connect_timeout=5, options=limit)


def _is_synchronous(connection: psycopg.Connection, follower: str) -> bool:
    asked = "SELECT 1 FROM pg_stat_replication WHERE application_name = %s AND sync_state = 'sync'"
    return connection.execute(asked, [follower]).fetchone() is not None
