"""Settings every service has. Each comes from the environment as REBALANCER_<NAME>; secrets have no defaults."""

from datetime import time
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.rules.trading_calendar import CUT_OFF
from shared.runtime.bursts import ProcessorLimits


class ServiceSettings(BaseSettings):
    """Base of a service's settings; a service adds its own fields in `settings.py`."""

    model_config = SettingsConfigDict(env_prefix="REBALANCER_", frozen=True, extra="ignore")

    kafka_url: str = Field(description="Kafka bootstrap servers, host:port[,host:port].")
    http_port: int = Field(description="Port of /metrics, /healthz, /readyz and the internal API.")
    http_host: str = Field(
        default="127.0.0.1", description="Address to listen on; loopback unless containers need more."
    )
    clock_file: Path | None = Field(
        default=None, description="JSON file {'offset_seconds': n} that shifts the clock; unset means real time."
    )
    log_level: str = Field(default="INFO", description="Least severe level that is logged.")
    retry_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds a failing group is handled again in place, then its consumption stops.",
    )
    suspect_starts: int = Field(
        default=3,
        ge=1,
        description="New starts that one message may cost while others of its topic are done: then it is our code that"
        " cannot handle it, and it goes to the dead letters as our_fault. What a new start cures is gone by then.",
    )
    burst_letters: int = Field(
        default=100,
        ge=1,
        description="Dead letters of a topic in a minute beyond which the topic is held: a sender does not err that"
        " often, so a fault of ours is likely. Raise it where someone has looked and it is the sender.",
    )
    burst_share: float = Field(
        default=0.2,
        gt=0,
        description="Share of a topic's messages of a minute, from the 20th dead letter on, beyond which the topic is"
        " held. 1 switches this off.",
    )
    burst_pause_s: float = Field(
        default=300.0,
        gt=0,
        description="Seconds after which a topic held by a burst is tried again; nothing is put aside then, and each"
        " time it fails the pause is doubled, up to an hour. Long enough for the cause to be mended meanwhile.",
    )
    stuck_s: float = Field(
        default=180.0,
        gt=0,
        description="Seconds without getting on, though there is work, after which the liveness fails. Far above any"
        " group of messages (seconds) and above retry_s, after which the consumption stops by itself.",
    )

    @property
    def guard_limits(self) -> ProcessorLimits:
        """Return what guards go by."""
        return ProcessorLimits(
            self.retry_s, self.suspect_starts, self.burst_letters, self.burst_share, self.burst_pause_s
        )


class DatabaseSettings(ServiceSettings):
    """Base of the settings of a process with a database."""

    database_url: str = Field(
        description="PostgreSQL URL of this service's own role, which works on all rows of its schema and owns nothing;"
        " for `migrate` that of the role that owns the schema."
    )
    work_connections: int = Field(
        default=6,
        ge=2,
        description="Most connections the process works on events with. Those of all processes together, with a reserve"
        " for people and tools, stay below the server's max_connections.",
    )


class RequestsSettings(DatabaseSettings):
    """Base of the settings of a service that serves users from its database."""

    requests_database_url: str = Field(
        description="PostgreSQL URL of the role that serves requests: row-level security shows it one scope at a time."
    )
    requests_connections: int = Field(
        default=6,
        ge=1,
        description="Most connections the process serves users with; further requests wait 10 s for one, then get 503.",
    )


class Vouched(RequestsSettings):
    """Base of the settings of a service behind the gateway: it proves who asks, and its day ends as all others' do."""

    principal_public_key: str = Field(
        description="Public half of the gateway's key, base64 of its DER form; proves who asks on every request."
    )
    end_of_day: time = Field(
        default=CUT_OFF,
        description="Cut-off of a business date, New York time, when open batches end. The same for every service.",
    )
