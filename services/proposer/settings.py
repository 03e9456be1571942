"""Settings of the proposer.  Each comes from the environment as REBALANCER_<NAME>; the proposer has no database."""

from typing import Final

from shared.runtime.settings import ServiceSettings

SERVICE: Final = "proposer"


class Settings(ServiceSettings):
    """The settings that every service has."""
