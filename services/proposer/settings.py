"""Settings of the proposer.  Each comes from the environment as REBALANCER_<NAME>; it needs no database."""

from pydantic import Field

from shared.settings import ServiceSettings


class ProposerSettings(ServiceSettings):
    """What the proposer needs: the same as every service, but no database."""

    database_url: str = Field(default="", description="Not used: the proposer keeps nothing.")
