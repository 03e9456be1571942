"""Settings of the auditor; each from the environment as REBALANCER_<NAME>."""

from typing import Final

from pydantic import AwareDatetime, Field

from shared.contracts.topics import EVENT_LOG_DAYS
from shared.runtime.settings import ServiceSettings

SERVICE: Final = "auditor"
SESSIONS: Final = 1
"""Database sessions, for as long as a pass takes."""


class Settings(ServiceSettings):
    """Settings of the auditor besides the settings of every process."""

    database_url: str = Field(
        description="PostgreSQL URL of the role `auditor`, which reads what invariants need and writes nothing."
    )
    audit_every_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds from the end of a pass over all invariants to the next pass; more on a large"
        " book, so that passes take at most a twentieth of the time.",
    )
    audit_patience_s: float = Field(
        default=120.0,
        ge=0,
        description="Seconds for which a difference must last, beyond the age of the oldest message that could still"
        " explain it, before it counts as a broken invariant. Longer than the restart of a service takes.",
    )
    audit_orders_from: AwareDatetime | None = Field(
        default=None,
        description="Instant from which on released orders are compared with history, by the time of their decision."
        " Set it once a restore has been dealt with: orders of approvals that the restored database does not know"
        " count as not approved until then. Ends of chains that were seen before it are passed over, too. None: all.",
    )
    audit_accounts: int = Field(
        default=50_000,
        ge=1,
        description="Accounts that a pass compares one by one between services; the next pass continues behind them.",
    )
    audit_links: int = Field(
        default=20_000,
        ge=1,
        description="Links of the chain of decisions, and records of the audit log, that a pass follows; the next pass"
        " continues behind them.",
    )
    event_log_days: int = Field(
        default=EVENT_LOG_DAYS,
        ge=1,
        description="Days for which the topics of the event log keep every event, as `deploy.topics` was told; `replay`"
        " refuses a day before them.",
    )
