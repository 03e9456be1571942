"""Sessions with the database: each has its time-outs, and those of all processes together fit the server."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.stack import postgres, table
from deploy.stack.layout import CHECKOUT, Layout
from services.analyzer.settings import Settings as AnalyzerSettings
from services.auditor import settings as auditor
from services.batch.settings import Settings as BatchSettings
from services.gateway.settings import Settings as GatewaySettings
from services.taxlot.intake import load_lock
from services.taxlot.settings import Settings as TaxlotSettings
from shared.outbox import relay, watch
from shared.runtime.settings import ServiceSettings

SETTINGS: Mapping[str, type[ServiceSettings]] = {
    "taxlot": TaxlotSettings,
    "analyzer": AnalyzerSettings,
    "analyzer-sweeper": AnalyzerSettings,
    "batch": BatchSettings,
    "gateway": GatewaySettings,
    "auditor": auditor.Settings,
}
SECRET = (
    "KAFKA_PASSWORD",
    "DATABASE_URL",
    "REQUESTS_DATABASE_URL",
    "PRINCIPAL_PUBLIC_KEY",
    "PRINCIPAL_KEY",
    "SESSION_KEY",
    "OIDC_CLIENT_SECRET",
)
"""Settings that containers read from files."""
SINGLE = {"taxlot": load_lock.SESSIONS, "batch": relay.SESSIONS + watch.SESSIONS, "auditor": auditor.SESSIONS}
"""Sessions beside the pools."""
WITHOUT_POOL = {"auditor"}
SERVES_NOBODY = {"analyzer-sweeper", *WITHOUT_POOL}
RESERVED_FOR_SUPERUSERS = 3
"""The server's own default: they get in when nobody else does."""
RESERVE = 25
"""Migrations of all services at once (4), grants, probes of the supervisor, and ten commands of people on call."""

# Who opens sessions: what a pool or a service holds is in the sum above, commands live on the reserve.
OPENED_BY = {
    "shared/postgres/pool.py": "pools",
    "services/analyzer/store/database.py": "pools",
    "services/batch/store/database.py": "pools",
    "shared/outbox/relay.py": "relay.SESSIONS",
    "shared/outbox/watch.py": "watch.SESSIONS",
    "services/auditor/store/database.py": "auditor.SESSIONS",
    "services/taxlot/intake/load.py": "load_lock.SESSIONS",
    "services/taxlot/intake/pipeline.py": "load_lock.SESSIONS",
    "services/gateway/cli/audit.py": "a command",
    "services/gateway/cli/grants.py": "a command",
    "shared/oncall/incarnation.py": "a command",
    "shared/postgres/migrations/env.py": "a command",
    "deploy/roles.py": "a command",
}
WITHIN_A_TIME_OF_ITS_OWN = {"deploy/stack/backups.py", "deploy/stack/probes.py", "deploy/stack/standby.py"}
_OPENS = re.compile(r"(psycopg|Connection)\.connect$|ConnectionPool(\[.*\])?$|create_(async_)?engine$")


def _local(name: str) -> dict[str, str]:
    layout = Layout(Path("nowhere"))
    ports = dict.fromkeys(("kafka", "postgres", *table.PROGRAMS, "gateway-probes"), 1)
    names = re.findall(r'secrets\["(\w+)"\]', Path(table.__file__).read_text())
    roles = ["auditor_password", *(f"{owner}{kind}_password" for owner in table.MIGRATED for kind in ("", "_requests"))]
    return table.environment(table.Addresses(layout, ports, dict.fromkeys([*names, *roles], "x" * 32)), name, {})


def _compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
    services: dict[str, Any] = loaded["services"]
    return services


def _sum(environments: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the most sessions that all processes have at once, by their settings in these environments."""
    total = 0
    secret = {f"REBALANCER_{name}": "x" * 32 for name in SECRET}
    for name, environment in environments.items():
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in {**secret, **environment, "REBALANCER_SECRETS_DIR": ""}.items():
                patch.setenv(variable, str(value))
            settings: Any = SETTINGS[name]()
        served = 0 if name in SERVES_NOBODY else settings.requests_connections
        working = 0 if name in WITHOUT_POOL else settings.work_connections
        total += working + served + getattr(settings, "export_connections", 0) + SINGLE.get(name, 0)
    return total


def test_sessions_of_all_processes_and_a_reserve_fit_the_server() -> None:
    names = [name for name, program in table.PROGRAMS.items() if program.owner is not None]
    assert set(names) == set(SETTINGS)
    services = _compose()
    options = [option.removeprefix("-c") for option in services["postgres"]["command"] if "=" in option]
    given = dict(option.split("=", 1) for option in options)
    for limit, total in (
        (postgres.SETTINGS["max_connections"], _sum({name: _local(name) for name in names})),
        (given["max_connections"], _sum({name: services[name]["environment"] for name in names})),
    ):
        assert total + RESERVE + RESERVED_FOR_SUPERUSERS <= int(limit), f"{total} sessions of at most {limit}"
        assert total >= 2 * len(names), "every service works and serves"


def _opening() -> list[tuple[str, ast.Call]]:
    """Return the calls that open sessions, with their modules."""
    found = []
    for folder in ("services", "shared", "deploy"):
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _OPENS.search(ast.unparse(node.func)):
                    found.append((str(path.relative_to(CHECKOUT)), node))
    return found


def test_every_session_is_opened_with_time_outs_and_counted() -> None:
    opening = _opening()
    assert {module for module, _ in opening} == set(OPENED_BY) | WITHIN_A_TIME_OF_ITS_OWN
    for module, call in opening:
        if module in WITHIN_A_TIME_OF_ITS_OWN:
            continue
        given = [
            ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg in (None, "kwargs", "connect_args")
        ]
        bound = re.findall(r"^ *session = (.*)$", (CHECKOUT / module).read_text(), re.MULTILINE)
        passed = [text for value in given for text in (bound if value == "session" else [value])]
        assert passed and all("arguments(" in text for text in passed), (
            f"{module}:{call.lineno} opens a session without"
        )
