"""The container description, checked as far as that goes without an engine: form, variables, commands, ports, files."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from deploy import kernels, roles
from deploy.docker.make_env import NAMES, complete, principal_keys
from deploy.stack import keys, ports, table
from deploy.stack.layout import CHECKOUT, Layout
from shared.http.principal import signing_key, verifying_key
from shared.runtime import metrics

COMPOSE = CHECKOUT / "docker-compose.yml"
DOCKERFILE = CHECKOUT / "deploy" / "docker" / "Dockerfile"
RUNNING = ("taxlot", "analyzer", "analyzer-sweeper", "proposer", "batch", "gateway", "issuer")
MIGRATIONS = tuple(f"migrate-{name}" for name in table.MIGRATED)
ONE_SHOTS = ("topics", "kernels", "roles", *MIGRATIONS, "grants", "sample")
NOT_IN_CONTAINERS = {"REBALANCER_CLOCK_FILE"}
"""In containers the machine's own time holds."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


def program(service: dict[str, Any]) -> list[str]:
    command: list[str] = service["command"]
    return command


def test_the_schema_of_compose_files_holds() -> None:
    tool = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run(
        [str(tool), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_process_of_the_local_stack_is_a_container_with_the_same_command(compose: dict[str, Any]) -> None:
    assert set(table.PROGRAMS) | {"kafka", "postgres"} <= set(compose["services"])
    for name, entry in table.PROGRAMS.items():
        assert program(compose["services"][name]) == ["python", "-m", *entry.module]


@pytest.mark.parametrize("name", RUNNING)
def test_every_variable_that_settings_demand_is_given_in_containers_and_locally(
    compose: dict[str, Any], name: str, tmp_path: Path
) -> None:
    wanted = needed(name)
    assert wanted <= set(compose["services"][name]["environment"])
    assert wanted <= set(table.environment(addresses(tmp_path), name, {}))


def addresses(folder: Path) -> table.Addresses:
    """Return addresses of a stack whose secrets are their own names."""
    owned = [f"{role}_password" for role in roles.NAMES]
    secrets = {name: name for name in (*keys.NAMES, *keys.PRINCIPAL, *owned)}
    return table.Addresses(Layout(folder), dict.fromkeys(ports.PREFERRED, 1), secrets)


def test_the_gateways_process_alone_has_the_keys_it_signs_with(compose: dict[str, Any], tmp_path: Path) -> None:
    for private in ("PRINCIPAL_KEY", "SESSION_KEY"):
        holders = {
            name
            for name, service in compose["services"].items()
            if f"${{{private}" in json.dumps(service.get("environment"))
        }
        assert holders == {"gateway"}, private
        local = {
            name
            for name in table.PROGRAMS
            if private.lower() in _values(table.environment(addresses(tmp_path), name, {}))
        }
        assert local == {"gateway"}, private
    for name in ("analyzer", "taxlot", "batch"):
        assert "principal_public_key" in _values(table.environment(addresses(tmp_path), name, {}))


def _values(environment: dict[str, str]) -> set[str]:
    return set(environment.values())


def test_the_keys_of_a_local_stack_and_of_containers_fit(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.secrets_file.parent.mkdir(parents=True, exist_ok=True)
    local = keys.load(layout)
    assert keys.load(layout) == local
    for private, public in ((local["principal_key"], local["principal_public_key"]), principal_keys()):
        assert signing_key(private).as_dict(private=False) == verifying_key(public).as_dict()


def needed(name: str) -> set[str]:
    """Return the variables that the process's own settings demand."""
    module = f"{table.PROGRAMS[name].module[0]}.settings"
    if importlib.util.find_spec(module) is None:
        return set()
    declared = vars(importlib.import_module(module)).values()
    classes = [value for value in declared if isinstance(value, type) and issubclass(value, BaseSettings)]
    fields = {field for settings in classes for field, info in settings.model_fields.items() if info.is_required()}
    return {f"REBALANCER_{field.upper()}" for field in fields} - NOT_IN_CONTAINERS


@pytest.mark.parametrize("name", [*RUNNING, *ONE_SHOTS])
def test_every_command_names_a_module_that_exists(compose: dict[str, Any], name: str) -> None:
    modules = re.findall(r"-m[ ,]+([\w.]+)", " ".join(program(compose["services"][name])))
    assert modules
    for module in modules:
        spec = importlib.util.find_spec(module)
        assert spec is not None, module
        file = Path(spec.origin or "")
        assert file.name != "__init__.py" or (file.parent / "__main__.py").exists(), module


def test_every_secret_asked_for_is_made_and_has_no_default(compose: dict[str, Any]) -> None:
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    assert asked - {"LOG_LEVEL"} == set(NAMES)
    assert not re.findall(r"\$\{(?!LOG_LEVEL)\w+(?:\}|:-)", COMPOSE.read_text())


def test_every_published_port_is_on_loopback_and_heard_inside(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        for published in service.get("ports", []):
            host, outside, inside = published.split(":")
            assert host == "127.0.0.1", f"{name} publishes {published} beyond this machine"
            assert outside.isdigit()
            listening = {str(peer.get("environment", {}).get("REBALANCER_HTTP_PORT")) for peer in services.values()}
            assert inside in listening | {"9094", "5432", "9090", "3000"}, f"nothing in {name} listens on {inside}"
            probes = str(service.get("environment", {}).get("REBALANCER_PROBE_PORT"))
            assert inside != probes, f"{name} publishes its probes and metrics"


def test_addresses_between_containers_name_a_container_and_its_port(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for peer in ("analyzer", "taxlot", "batch", "gateway"):
        port = services[peer]["environment"]["REBALANCER_HTTP_PORT"]
        assert services["taxlot"]["environment"][f"REBALANCER_{peer.upper()}_URL"] == f"http://{peer}:{port}"
    assert services["gateway"]["environment"]["REBALANCER_GATEWAY_URL"] == "http://127.0.0.1:8400"
    targets = yaml.safe_load((DOCKERFILE.parent / "prometheus.yml").read_text())["scrape_configs"][0]["static_configs"]
    for target in targets[0]["targets"]:
        name, port = target.split(":")
        listens = services[name]["environment"]
        assert str(listens.get("REBALANCER_PROBE_PORT", listens["REBALANCER_HTTP_PORT"])) == port


def test_health_and_order_are_coherent(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        checked = not service.get("healthcheck", {"disable": True}).get("disable", False)
        assert checked == (name not in ONE_SHOTS), name
        for need, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if need in ONE_SHOTS else "service_healthy"
            assert how["condition"] == wanted or (name, need) == ("issuer", "gateway"), f"{name} waits for {need}"
    for name in table.MIGRATED:
        assert f"migrate-{name}" in services[name]["depends_on"]
    assert "topics" in services["proposer"]["depends_on"]
    for name in kernels.SERVICES:
        assert "kernels" in services[name]["depends_on"]
        assert "kernels:/var/cache/numba" in services[name]["volumes"]


def test_every_mounted_file_and_every_volume_exists(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in compose["volumes"] or (CHECKOUT / source).exists(), mount


def test_every_file_the_image_copies_exists_and_is_let_through() -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    for line in DOCKERFILE.read_text().splitlines():
        tokens = line.split()
        if tokens[:1] == ["COPY"] and not tokens[1].startswith("--from"):
            for source in tokens[1:-1]:
                assert (CHECKOUT / source).exists(), source
                top = source.rstrip("/").split("/")[0]
                assert f"!{top}" in ignored or f"!{source}" in ignored, f"{source} never reaches the engine"


def test_every_role_has_a_password_and_each_process_its_own_roles(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {f"{role.upper()}_PASSWORD" for role in roles.NAMES} <= set(services["roles"]["environment"])
    for name in table.MIGRATED:
        for container, variable, role in (
            (name, "REBALANCER_DATABASE_URL", name),
            (name, "REBALANCER_REQUESTS_DATABASE_URL", f"{name}{roles.REQUESTS}"),
            (f"migrate-{name}", "REBALANCER_DATABASE_URL", f"{name}{roles.OWNER}"),
        ):
            url = services[container]["environment"][variable]
            assert url.startswith(f"postgresql://{role}:${{{role.upper()}_PASSWORD"), container


def test_only_what_makes_roles_and_migrates_has_their_passwords(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        given = " ".join(str(value) for value in service.get("environment", {}).values())
        if name not in {"roles", *MIGRATIONS}:
            assert "_MIGRATOR_PASSWORD" not in given, name
        if name not in {"roles", "postgres"}:
            assert "POSTGRES_PASSWORD" not in given, name


def test_an_environment_of_an_earlier_release_is_completed_and_kept() -> None:
    """With another password of the superuser the database that is there could not be entered any more."""
    before = ["# ours", "POSTGRES_PASSWORD=old", "ANALYZER_PASSWORD=old2", "PRINCIPAL_KEY=00ff", "REBALANCER_X=1", ""]
    after = complete(before)
    assert after[: len(before) - 1] == [line for line in before if not line.startswith("PRINCIPAL_KEY")]
    values = dict(line.split("=", 1) for line in after if "=" in line)
    assert set(values) == {*NAMES, "REBALANCER_X"}
    assert all(values.values())
    assert values["PRINCIPAL_KEY"] != "00ff"
    verifying_key(values["PRINCIPAL_PUBLIC_KEY"])
    assert complete(after) == after


def _on_the_dashboard() -> set[str]:
    dashboard = json.loads((DOCKERFILE.parent / "grafana" / "dashboards" / "overview.json").read_text())
    return {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\b(?:rebalancer|http_server)_\w+", target["expr"])
    }


def _families() -> list[Any]:
    exported = [value for value in vars(metrics).values() if hasattr(value, "describe") and not isinstance(value, type)]
    return [family for metric in exported for family in metric.describe()]


def test_every_metric_on_the_dashboard_is_exported() -> None:
    known = {
        sample for family in _families() for sample in (family.name, f"{family.name}_total", f"{family.name}_bucket")
    }
    used = _on_the_dashboard()
    assert used
    assert used <= known, sorted(used - known)


def test_what_waits_for_somebody_is_on_the_dashboard() -> None:
    asks = re.compile(r"some(one|body) (must look|has looked|have looked)")
    waiting = {family.name for family in _families() if asks.search(family.documentation)}
    assert len(waiting) >= 5
    shown = {name.removesuffix("_total") for name in _on_the_dashboard()}
    assert waiting <= shown, sorted(waiting - shown)
