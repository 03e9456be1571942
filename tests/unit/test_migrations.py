"""The history of each service's tables: one line, so that `migrate` knows its end."""

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from deploy import roles
from deploy.stack.layout import CHECKOUT


@pytest.mark.parametrize("service", roles.SERVICES)
def test_the_history_of_a_schema_has_one_end(service: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(CHECKOUT / "shared" / "postgres" / "migrations"))
    versions: Path = CHECKOUT / "services" / service / "store" / "versions"
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "os")
    history = ScriptDirectory.from_config(config)
    assert len(history.get_heads()) == 1, "two migrations follow the same one: put one behind the other"
    assert len(list(history.walk_revisions())) == len(list(versions.glob("0*.py")))
