"""Settings of the analyzer.  Each comes from the environment as REBALANCER_<NAME>."""

from datetime import time
from typing import Final

from pydantic import Field

from shared.runtime.settings import BehindGatewaySettings

SERVICE: Final = "analyzer"


class Settings(BehindGatewaySettings):
    """What the analyzer and its sweeper need beyond what every service has."""

    work_connections: int = Field(
        default=12, ge=2, description="As in every service; each group of a topic and each shard is worked on with one."
    )
    daily_analysis: time = Field(
        default=time(7, 30), description="When the daily analysis starts on session days, New York."
    )
    price_age_sessions: int = Field(
        default=3, ge=1, description="A price set older than so many sessions before the business date is stale."
    )
    standing_after_s: float = Field(
        default=600.0,
        ge=0,
        description="Seconds between the end of a daily analysis and the standings of all accounts, which other"
        " services compare with their own: the flags of the analysis have arrived by then.",
    )
    price_jump: int = Field(
        default=1000,
        ge=1,
        description="A price set numbered so much above the set in force is held for review: some years of sets.",
    )
    price_missing_percent: int = Field(
        default=50,
        ge=0,
        le=100,
        description="A price set that lacks more of the held securities priced so far is held for review.",
    )
    price_move_factor: int = Field(
        default=10,
        ge=2,
        le=1000,
        description="A price that grows or shrinks so many times between two sets is withheld: a moved decimal"
        " point, a wrong unit or an unannounced split is likelier than a market.",
    )
    price_moves_percent: int = Field(
        default=5,
        ge=0,
        le=100,
        description="A price set is held as a whole when more of the held securities than this move by the factor.",
    )
    at_once_accounts: int = Field(
        default=10_000,
        ge=0,
        description="A change of targets or prices that touches more accounts than this is evaluated by the sweepers in"
        " shards: so many take a worker seconds, whose liveness gives up after stuck_s.",
    )
    sweep_poll_s: float = Field(default=0.5, gt=0, description="Seconds between two polls of an idle sweeper.")
    sweep_shards: int = Field(default=2, ge=1, le=4, description="Shards a sweeper works on at a time.")
    sweep_nice: int = Field(default=15, ge=0, description="How far a sweeper stands behind interactive work.")
