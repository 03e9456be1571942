"""Migrations: each service has its own Alembic history in services/<name>/store/versions and its own schema."""

import time
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError

PAUSES_S: Final = (0.5, 1.0, 2.0, 5.0)
"""Seconds between two attempts at the locks of tables in use; the last is repeated."""
_PATIENCE_S: Final = 600.0  # of all attempts
_LOCK_NOT_AVAILABLE: Final = "55P03"


def migrate(service: str, database_url: str, revision: str = "head") -> None:
    """Bring the schema of `service` to `revision`; repeating it changes nothing.

    Everything is one transaction.  Where it cannot have the lock of a table within seconds it is rolled back and begun
    again after a pause: while it waits for a lock, everybody else who wants the table waits behind it.
    Raises OperationalError if it has no lock after ten minutes.
    """
    deadline_s = time.monotonic() + _PATIENCE_S
    for pause_s in _pauses():
        try:
            command.upgrade(_config(service, database_url), revision)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE or time.monotonic() > deadline_s:
                raise
            time.sleep(pause_s)
        else:
            return


def _pauses() -> Iterator[float]:
    return chain(PAUSES_S, repeat(PAUSES_S[-1]))


def _config(service: str, database_url: str) -> Config:
    config = Config()
    here = Path(__file__).resolve().parent
    config.set_main_option("script_location", str(here))
    config.set_main_option("version_locations", str(here.parents[2] / "services" / service / "store" / "versions"))
    config.set_main_option("path_separator", "os")
    config.attributes["schema"] = service
    config.attributes["database_url"] = database_url
    return config
