"""Settings of the batch service; each from the environment as REBALANCER_<NAME>."""

from typing import Final

from pydantic import Field

from shared.runtime.settings import BehindGatewaySettings

SERVICE: Final = "batch"


class Settings(BehindGatewaySettings):
    """Settings of the batch service besides the settings of every service."""

    work_connections: int = Field(
        default=10,
        ge=2,
        description="As in every service: six consumers, the sweeps, account states and readiness work with one each.",
    )
    requests_connections: int = Field(default=8, ge=1, description="As in every service; pages and commands.")
    export_connections: int = Field(
        default=2, ge=1, description="Connections for files that users take out, as many as can be at once."
    )
    four_eyes: str = Field(
        default="",
        description="Enterprises (comma-separated) whose batches another person than the requester approves.",
    )
    answer_within_s: float = Field(
        default=30.0, gt=0, description="Seconds without any result after which accounts of a batch are sent again."
    )
    attempts: int = Field(default=3, ge=1, description="How often an account is sent before it fails as TIMEOUT.")
    sweep_every_s: float = Field(default=1.0, gt=0, description="Seconds between looks for ended days and time-outs.")
    progress_every_s: float = Field(
        default=0.25, gt=0, description="Shortest time between two events about the progress of one batch."
    )

    @property
    def four_eyes_enterprises(self) -> frozenset[str]:
        """The enterprises of `four_eyes`."""
        return frozenset(part.strip() for part in self.four_eyes.split(",") if part.strip())
