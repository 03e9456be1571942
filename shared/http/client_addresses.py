"""Client addresses: what counts as one address, and how many connections or requests each has."""

import ipaddress
from collections import Counter
from typing import Final

_NETWORK_V6: Final = 64  # bits: one subscriber has a whole /64 network
_LONGEST: Final = 64


def network(address: str) -> str:
    """Return what counts as one address: the address itself, for IPv6 its network of /64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:_LONGEST]
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, _NETWORK_V6), strict=False))


class Crowd:
    """Counts by address; addresses with none are dropped."""

    def __init__(self) -> None:
        self._here: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._here)

    def enter(self, address: str) -> int:
        """Count one more of an address and return how many it has now."""
        self._here[address] += 1
        return self._here[address]

    def leave(self, address: str) -> None:
        """Count one less."""
        self._here[address] -= 1
        if self._here[address] <= 0:
            del self._here[address]
