"""Settings of the analyzer.  Each comes from the environment as REBALANCER_<NAME>."""

from datetime import time

from pydantic import Field

from shared.sessions import CUT_OFF
from shared.settings import Vouched


class AnalyzerSettings(Vouched):
    """What the analyzer and its sweeper need beyond what every service has."""

    end_of_day: time = Field(default=CUT_OFF, description="Cut-off of a business date, New York time.")
    daily_analysis: time = Field(
        default=time(7, 30), description="When the daily analysis starts on session days, New York."
    )
    price_age_sessions: int = Field(
        default=3, ge=1, description="A price set older than so many sessions before the business date is stale."
    )
    standing_after_s: float = Field(
        default=600.0,
        ge=0,
        description="Seconds after the end of a daily analysis before others are told what the analyzer has of each"
        " account: what the analysis told them has arrived by then.",
    )
    sweep_poll_s: float = Field(default=0.5, gt=0, description="Seconds between two looks of an idle sweeper for work.")
    sweep_shards: int = Field(default=2, ge=1, le=4, description="Shards a sweeper works on at a time.")
    sweep_nice: int = Field(default=15, ge=0, description="How far a sweeper stands behind interactive work.")
