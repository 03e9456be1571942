"""Loopback ports: the wanted one when it is free, else another."""

import secrets
import socket
from collections.abc import Mapping

PREFERRED = {
    "gateway": 8400,
    "issuer": 8401,
    "batch": 8402,
    "taxlot": 8403,
    "analyzer": 8404,
    "proposer": 8405,
    "analyzer-sweeper": 8406,
    "gateway-probes": 8407,
    "auditor": 8408,
    "kafka": 9392,
    "kafka-controller": 9393,
    "postgres": 5439,
    "postgres-standby": 5440,
}

SPARE = range(12_000, 32_000)
"""Below the ports of outgoing connections, so that a restarted process finds its port still free."""


def choose(wanted: Mapping[str, int]) -> dict[str, int]:
    """Return a free loopback port per name: the wanted one when nobody holds it, else another.

    All ports are held open until the last is chosen, so no two names get the same. A wanted port of 0 means any. Raises
    OSError when none is free.
    """
    held: list[socket.socket] = []
    chosen: dict[str, int] = {}
    try:
        for name, port in wanted.items():
            holder = (_bound(port) if port else None) or _any()
            held.append(holder)
            chosen[name] = holder.getsockname()[1]
    finally:
        for holder in held:
            holder.close()
    return chosen


def _any() -> socket.socket:
    for _ in range(1000):
        holder = _bound(SPARE.start + secrets.randbelow(len(SPARE)))
        if holder is not None:
            return holder
    raise OSError("no free port on 127.0.0.1")


def _bound(port: int) -> socket.socket | None:
    """Return a socket bound to the port (listening, so that it counts as taken), or None when it is taken."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind(("127.0.0.1", port))
        holder.listen(1)
    except OSError:
        holder.close()
        return None
    return holder
