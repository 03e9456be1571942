"""Settings of taxlot.  Each comes from the environment as REBALANCER_<NAME>."""

from datetime import time
from pathlib import Path

from pydantic import Field, SecretStr

from shared.sessions import CUT_OFF
from shared.settings import ServiceSettings


class TaxlotSettings(ServiceSettings):
    """What taxlot needs beyond what every service has."""

    inbox_dir: Path | None = Field(
        default=None, description="Folder watched for custodial files; uploads go through it. Unset: neither."
    )
    inbox_poll_s: float = Field(
        default=0.5, gt=0, description="Seconds between two looks at the inbox and at files that wait to be published."
    )
    end_of_day: time = Field(default=CUT_OFF, description="Cut-off of a business date, New York time.")
    max_file_age_days: int = Field(
        default=10, ge=1, description="A file whose data date lies further back, in calendar days, is refused as stale."
    )
    catch_up_s: float = Field(
        default=60.0,
        ge=0,
        description="Most seconds a file waits until accounts and securities sent before it are known.",
    )
    principal_key: SecretStr = Field(description="Key by which the gateway signs who asks; at least 32 bytes.")
    max_upload_bytes: int = Field(default=4 << 30, ge=1, description="Largest custodial file that may be uploaded.")
