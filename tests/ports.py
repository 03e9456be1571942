"""Ports for the servers of tests."""

from deploy.stack.ports import choose


def free_ports(number: int) -> list[int]:
    """Return different loopback ports that nobody listens on.

    They lie below the ports of outgoing connections: one that the system names for port 0 may be the local end of
    somebody's connection a moment later, and the server that a test begins there cannot listen.
    """
    return list(choose({str(each): 0 for each in range(number)}).values())


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    return free_ports(1)[0]
