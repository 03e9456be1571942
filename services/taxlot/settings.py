"""Settings of taxlot.  Each comes from the environment as REBALANCER_<NAME>."""

from pathlib import Path
from typing import Final, Self

from pydantic import Field, field_validator, model_validator

from shared.runtime.settings import BehindGatewaySettings

SERVICE: Final = "taxlot"


class Settings(BehindGatewaySettings):
    """What taxlot needs beyond what every service has."""

    inbox_dir: Path | None = Field(
        default=None, description="Folder watched for custodial files; uploads go through it. Unset: neither."
    )
    inbox_poll_s: float = Field(
        default=0.5, gt=0, description="Seconds between two looks at the inbox and at files that wait to be published."
    )
    inbox_settle_s: float = Field(
        default=1.0, ge=0, description="Seconds a file in the inbox must stay unchanged before it counts as complete."
    )
    inbox_attempts: int = Field(
        default=5, ge=1, description="Times a file is tried before it is refused, whatever makes it fail."
    )
    inbox_keep_days: int = Field(default=30, ge=0, description="Days a file is kept in done/ and refused/.")
    inbox_keep_bytes: int = Field(
        default=20 << 30, ge=0, description="Most bytes kept in done/ and refused/; the oldest go first."
    )
    feeds: str = Field(
        default="",
        description="Enterprises that a custodian's own files (inbox, command) may change: NORTH=E1,E2;SOUTH=E3."
        " A custodian that is not named: every account that names it.",
    )
    mappings: str = Field(
        default="",
        description="Mappings in force for custodians' own formats: WEST=west-csv;SUMMIT=summit-clearing, each a file"
        " in the folder of mappings. Each must read its samples as it says, else the service does not start.",
    )
    mappings_dir: Path | None = Field(default=None, description="Folder of the mappings, with their samples.")
    change_limit_percent: int = Field(
        default=50,
        ge=0,
        le=100,
        description="Percent, of the greater of before and after, by which units of a security or the known cost of an"
        " account may change from file to file without trades of ours before it is reported. 0: never reported.",
    )
    change_holds: bool = Field(
        default=False, description="Whether a change beyond the limit also holds the account until its next file."
    )
    max_file_age_days: int = Field(
        default=10, ge=1, description="A file whose data date lies further back, in calendar days, is refused as stale."
    )
    catch_up_s: float = Field(
        default=60.0,
        ge=0,
        description="Most seconds a file waits until accounts and securities sent before it are known.",
    )
    load_silent_s: int = Field(
        default=300,
        ge=1,
        description="Seconds without a statement after which a session that loads or publishes a file counts as dead:"
        " it is ended and the next file is loaded. A load sends statements with every block, seconds apart.",
    )
    max_upload_bytes: int = Field(default=4 << 30, ge=1, description="Largest custodial file that may be uploaded.")

    @field_validator("feeds")
    @classmethod
    def _feeds_are_readable(cls, text: str) -> str:
        enterprises_by_feed(text)
        return text

    @field_validator("mappings")
    @classmethod
    def _mappings_are_readable(cls, text: str) -> str:
        mappings_by_custodian(text)
        return text

    @model_validator(mode="after")
    def _mappings_have_a_folder(self) -> Self:
        if self.mappings and self.mappings_dir is None:
            raise ValueError("REBALANCER_MAPPINGS names mappings, so REBALANCER_MAPPINGS_DIR must name their folder")
        return self


def enterprises_by_feed(text: str) -> dict[str, tuple[str, ...]]:
    """Return the enterprises that each named custodian's feed covers, from `NORTH=E1,E2;SOUTH=E3`.

    Raises ValueError when the text has another form.
    """
    feeds: dict[str, tuple[str, ...]] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        custodian, sign, names = (part.strip() for part in entry.partition("="))
        enterprises = tuple(name.strip() for name in names.split(",") if name.strip())
        if not (custodian and sign and enterprises) or custodian in feeds:
            raise ValueError(f"{entry!r} is not a custodian and its enterprises, such as NORTH=E1,E2")
        feeds[custodian] = enterprises
    return feeds


def mappings_by_custodian(text: str) -> dict[str, str]:
    """Return the name of the mapping of each custodian, from `WEST=west-csv;SUMMIT=summit-clearing`.

    Raises ValueError when the text has another form.
    """
    named: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        custodian, sign, name = (part.strip() for part in entry.partition("="))
        if not (custodian and sign and name) or "/" in name or custodian in named:
            raise ValueError(f"{entry!r} is not a custodian and the name of its mapping, such as WEST=west-csv")
        named[custodian] = name
    return named
