"""Settings that every service has; each comes from the environment as REBALANCER_<NAME>, secrets without a default.

With REBALANCER_SECRETS_DIR what the environment lacks is read from that folder: see EnvironmentSettings.

A service extends the class that fits it: ServiceSettings, or with a database DatabaseSettings, or if it also serves
users RequestsSettings, or behind the gateway BehindGatewaySettings.
"""

import os
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict

from shared.rules.trading_calendar import CUT_OFF
from shared.runtime.broker import SCRAM, Broker, SecuredBroker


@dataclass(frozen=True)
class ProcessorLimits:
    """How long a message processor retries, and when it holds its topic.

    retry_s: seconds for which a failing group is retried in place before the process stops.
    starts: restarts that one message may cause before it no longer stops the process.
    letters: dead letters of a topic in a minute, and share: their share of its messages of that minute, beyond which
    the topic is held.
    pause_s: seconds until a held topic is tried again; doubled after each failed trial, up to pause_most_s.
    look_s: seconds between two looks for a release by somebody on call.
    """

    retry_s: float = 30.0
    starts: int = 3
    letters: int = 100
    share: float = 0.2
    pause_s: float = 300.0
    pause_most_s: float = 3600.0
    look_s: float = 10.0


class EnvironmentSettings(BaseSettings):
    """Settings from the environment, else from files: of the folder REBALANCER_SECRETS_DIR, one setting a file.

    A file has the name of the variable in lower case.  Containers are given their secrets in this way.
    """

    model_config = SettingsConfigDict(env_prefix="REBALANCER_", frozen=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from, the strongest first."""
        folder = os.environ.get("REBALANCER_SECRETS_DIR")
        given = folder and Path(folder).is_dir()  # a process without secrets has no such folder
        files = [SecretsSettingsSource(settings_cls, secrets_dir=folder)] if given else []
        return (init_settings, env_settings, *files)


class KafkaSettings(EnvironmentSettings):
    """Settings of whatever speaks to Kafka.  Clients are made from `broker`, never from the address alone."""

    kafka_url: str = Field(description="Kafka bootstrap servers, host:port[,host:port].")
    kafka_security: Literal["PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT",
        description="SASL_SSL: TLS, and the user shows its password by SCRAM-SHA-512. PLAINTEXT: neither, for a broker"
        " that only this machine reaches.",
    )
    kafka_ca_file: Path | None = Field(
        default=None, description="PEM file of the authority that signed the brokers' certificates; with SASL_SSL."
    )
    kafka_user: str = Field(default="", description="User at the broker, as docs/kafka-rights.md names it.")
    kafka_mechanism: Literal["SCRAM-SHA-512", "PLAIN"] = Field(
        default=SCRAM,
        description="How the password is shown. PLAIN, inside TLS too, is for the super user who makes all others, and"
        " whose password stands in the broker's own configuration.",
    )
    kafka_password: SecretStr = Field(default=SecretStr(""), description="Password of the user at the broker.")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        named = {"ca_file": self.kafka_ca_file, "user": self.kafka_user, "password": self.kafka_password}
        missing = [f"REBALANCER_KAFKA_{name.upper()}" for name, value in named.items() if not value]
        if self.kafka_security == "SASL_SSL" and missing:
            raise ValueError(f"REBALANCER_KAFKA_SECURITY=SASL_SSL needs {', '.join(missing)}")
        return self

    @property
    def broker(self) -> Broker:
        """Return what clients are made from."""
        if self.kafka_security == "PLAINTEXT" or self.kafka_ca_file is None:
            return self.kafka_url
        password = self.kafka_password.get_secret_value()
        return SecuredBroker(self.kafka_url, self.kafka_ca_file, self.kafka_user, password, self.kafka_mechanism)


class ServiceSettings(KafkaSettings):
    """Settings of every process; a service adds its own in `settings.py`."""

    http_port: int = Field(description="Port of /metrics, /healthz, /readyz and the internal API.")
    http_host: str = Field(
        default="127.0.0.1", description="Address to listen on; loopback unless containers need more."
    )
    gateway_url: str = Field(
        default="",
        description="Address of the gateway, scheme://host[:port], where subscribers fetch the schemas of events; our"
        " events name them there. Empty: they name none.",
    )
    clock_file: Path | None = Field(
        default=None, description="JSON file {'offset_seconds': n} that shifts the clock; unset means real time."
    )
    log_level: str = Field(default="INFO", description="Least severe level that is logged.")
    retry_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds for which a failing group of messages is retried in place; then its consumption stops.",
    )
    suspect_starts: int = Field(
        default=3,
        ge=1,
        description="Restarts that one message may cause while other messages of its topic are done; after them it"
        " becomes a dead letter with the code our_fault. Three, because a fault that a restart cures is gone by then.",
    )
    burst_letters: int = Field(
        default=100,
        ge=1,
        description="Dead letters of a topic in a minute beyond which the topic is held: a sender is rarely wrong that"
        " often, so a fault of ours is likely. Raise it if someone has found that it is the sender.",
    )
    burst_share: float = Field(
        default=0.2,
        gt=0,
        description="Share of dead letters among a topic's messages of a minute, from the 20th dead letter on, beyond"
        " which the topic is held. 1 switches this off.",
    )
    burst_pause_s: float = Field(
        default=300.0,
        gt=0,
        description="Seconds after which a topic held by a burst is tried again; no message becomes a dead letter in a"
        " trial, and each failed trial doubles the pause, up to an hour. Long enough to mend the cause meanwhile.",
    )
    stuck_s: float = Field(
        default=180.0,
        gt=0,
        description="Seconds without progress although there is work, after which liveness fails. Far above the time"
        " of any group of messages (seconds) and above retry_s, after which consumption stops by itself.",
    )

    @property
    def processor_limits(self) -> ProcessorLimits:
        """Return the limits of the service's message processors."""
        return ProcessorLimits(
            self.retry_s, self.suspect_starts, self.burst_letters, self.burst_share, self.burst_pause_s
        )


class DatabaseSettings(ServiceSettings):
    """Settings of a process with a database."""

    database_url: str = Field(
        description="PostgreSQL URL of this service's own role, which works on all rows of its schema and owns nothing;"
        " for `migrate` that of the role that owns the schema."
    )
    work_connections: int = Field(
        default=6,
        ge=2,
        description="Most connections used for work on events. The sum over all processes, with a reserve for people"
        " and tools, stays below the server's max_connections.",
    )


class RequestsSettings(DatabaseSettings):
    """Settings of a service that serves users from its database."""

    requests_database_url: str = Field(
        description="PostgreSQL URL of the role that serves requests: row-level security shows it one scope at a time."
    )
    requests_connections: int = Field(
        default=6,
        ge=1,
        description="Most connections used to serve users; a further request waits 10 s for one, then gets 503.",
    )


class BehindGatewaySettings(RequestsSettings):
    """Settings of a service whose requests the gateway forwards, with a signed principal."""

    principal_public_key: str = Field(
        description="Public half of the gateway's key, base64 of its DER form; verifies the principal of every request."
    )
    cut_off: time = Field(
        default=CUT_OFF,
        description="Cut-off of a business date, New York time; open batches end then. The same for every service.",
    )
