"""Migrations: each service has its own Alembic history in services/<name>/store/versions and its own schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config


def migrate(service: str, database_url: str, revision: str = "head") -> None:
    """Bring the schema of `service` to `revision`; repeating it changes nothing."""
    config = Config()
    here = Path(__file__).resolve().parent
    config.set_main_option("script_location", str(here))
    config.set_main_option("version_locations", str(here.parents[2] / "services" / service / "store" / "versions"))
    config.set_main_option("path_separator", "os")
    config.attributes["schema"] = service
    config.attributes["database_url"] = database_url
    command.upgrade(config, revision)
