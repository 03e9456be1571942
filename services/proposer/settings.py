"""Settings of the proposer.  Each comes from the environment as REBALANCER_<NAME>; it keeps nothing: no database."""

from typing import Final

from shared.runtime.settings import ServiceSettings

SERVICE: Final = "proposer"


class Settings(ServiceSettings):
    """What the proposer needs: the same as every service."""
