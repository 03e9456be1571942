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
from deploy.acls.brokers import ADMIN, ADMIN_MECHANISM, RIGHTS
from deploy.docker import make_secrets
from deploy.stack import keys, ports, postgres, table
from deploy.stack.layout import CHECKOUT, Layout
from services.gateway.ops.processes import targets_of
from shared.contracts.rights import USERS
from shared.contracts.topics import SERVICES
from shared.http.principal import signing_key, verifying_key
from shared.runtime import metrics
from shared.runtime.broker import SCRAM

COMPOSE = CHECKOUT / "docker-compose.yml"
DOCKERFILE = CHECKOUT / "deploy" / "docker" / "Dockerfile"
RUNNING = ("taxlot", "analyzer", "analyzer-sweeper", "proposer", "batch", "gateway", "auditor", "issuer")
MIGRATIONS = tuple(f"migrate-{name}" for name in table.MIGRATED)
ONE_SHOTS = ("secrets", "clock", "acls", "topics", "kernels", "roles", *MIGRATIONS, "grants", "sample", "hello")
READERS = {
    **{
        name: name
        for name in (*table.MIGRATED, *MIGRATIONS, "grants", "auditor", "issuer", "roles", "postgres", "grafana")
    },
    "analyzer-sweeper": "analyzer",
    **{name: name for name in ("proposer", "acls", "topics")},
    "sample": "platform",
    "custodian": "platform",
}
"""Containers with secrets, and the volume that each of them mounts; the broker mounts its own elsewhere."""
CHOSEN = {"LOG_LEVEL", "ACCOUNTS", "POSTGRES_PASSWORD", "GRAFANA_PASSWORD"}
"""Variables beside ports that a file .env may set."""
OF_THE_IMAGE = {"listen_addresses", "unix_socket_directories"}
"""Settings of the server that its image decides: it is reached from other containers."""


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
    files = {file.upper() for file in make_secrets.contents(secrets_of_names()).get(READERS.get(name, ""), {})}
    assert wanted <= set(compose["services"][name]["environment"]) | files
    assert wanted <= set(table.environment(addresses(tmp_path), name, {}))


def addresses(folder: Path) -> table.Addresses:
    """Return addresses of a stack whose secrets are their own names."""
    return table.Addresses(Layout(folder), dict.fromkeys(ports.PREFERRED, 1), secrets_of_names())


def secrets_of_names() -> dict[str, str]:
    """Return secrets that are their own names."""
    owned = [f"{role}_password" for role in roles.NAMES]
    return {
        name: name for name in (*keys.NAMES, *keys.PRINCIPAL, *owned, make_secrets.GRAFANA, *make_secrets.kafka_names())
    }


def test_the_gateways_process_alone_has_the_keys_it_signs_with(tmp_path: Path) -> None:
    volumes = make_secrets.contents(secrets_of_names())
    for private in ("principal_key", "session_key"):
        assert {reader for reader, files in volumes.items() if private in _values(files)} == {"gateway"}, private
        local = {
            name for name in table.PROGRAMS if private in _values(table.environment(addresses(tmp_path), name, {}))
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
    (tmp_path / "store").mkdir()
    make_secrets.make(tmp_path / "store", made_volumes(tmp_path), {})
    files = [
        tmp_path / reader / f"rebalancer_{name}"
        for reader, name in (("gateway", "principal_key"), ("batch", "principal_public_key"))
    ]
    private, public = (file.read_text() for file in files)
    for signs, verifies in ((local["principal_key"], local["principal_public_key"]), (private, public)):
        assert signing_key(signs).as_dict(private=False) == verifying_key(verifies).as_dict()


def made_volumes(folder: Path) -> Path:
    """Make the folder of every reader, as the engine mounts its volumes, and return where they are."""
    for reader in make_secrets.contents(secrets_of_names()):
        (folder / reader).mkdir()
    return folder


def needed(name: str) -> set[str]:
    """Return the variables that the process's own settings demand."""
    module = f"{table.PROGRAMS[name].module[0]}.settings"
    if importlib.util.find_spec(module) is None:
        return set()
    declared = vars(importlib.import_module(module)).values()
    classes = [value for value in declared if isinstance(value, type) and issubclass(value, BaseSettings)]
    fields = {field for settings in classes for field, info in settings.model_fields.items() if info.is_required()}
    return {f"REBALANCER_{field.upper()}" for field in fields}


@pytest.mark.parametrize("name", [*RUNNING, *ONE_SHOTS])
def test_every_command_names_a_module_that_exists(compose: dict[str, Any], name: str) -> None:
    modules = re.findall(r"-m[ ,]+([\w.]+)", " ".join(program(compose["services"][name])))
    assert modules
    for module in modules:
        spec = importlib.util.find_spec(module)
        assert spec is not None, module
        file = Path(spec.origin or "")
        assert file.name != "__init__.py" or (file.parent / "__main__.py").exists(), module


def test_nothing_is_needed_before_the_start() -> None:
    """Every variable has a default, and none that has one other than the empty text is a secret."""
    asked = dict(re.findall(r"(?<!\$)\$\{(\w+)(.*?)\}", COMPOSE.read_text()))
    assert {name for name in asked if not name.endswith("_PORT")} == CHOSEN
    assert all(default.startswith(":-") for default in asked.values())
    assert {name for name, default in asked.items() if default == ":-"} == {"POSTGRES_PASSWORD", "GRAFANA_PASSWORD"}
    assert set(make_secrets.OF_BEFORE.values()) < CHOSEN


def test_nobody_mounts_the_secrets_of_another(compose: dict[str, Any]) -> None:
    services = compose["services"]
    maker = dict(mount.split(":")[:2] for mount in services["secrets"]["volumes"])
    readers = set(make_secrets.contents(secrets_of_names()))
    assert maker == {"secrets-store": "/store"} | {f"secrets-{reader}": f"/volumes/{reader}" for reader in readers}
    assert readers == set(READERS.values()) | {"kafka"}
    assert "secrets-kafka:/mnt/shared/config:ro,nocopy" in services["kafka"]["volumes"]
    for name, service in services.items():
        mounted = [mount for mount in service.get("volumes", []) if mount.startswith("secrets-")]
        if name not in {"secrets", "kafka"}:
            assert mounted == ([f"secrets-{READERS[name]}:/secrets:ro"] if name in READERS else []), name


def test_whoever_connects_to_the_broker_is_a_user_with_its_own_password(compose: dict[str, Any]) -> None:
    services, volumes = compose["services"], make_secrets.contents(secrets_of_names())
    ours = {name: service["environment"] for name, service in services.items() if "environment" in service}
    users = {name: given["REBALANCER_KAFKA_USER"] for name, given in ours.items() if "REBALANCER_KAFKA_USER" in given}
    assert users == {
        **{name: name for name in SERVICES}, "analyzer-sweeper": "analyzer", "auditor": "auditor", "sample": "platform",
        "custodian": "platform", "topics": "topics", "acls": ADMIN,
    }  # fmt: skip
    assert {name for name, given in ours.items() if "REBALANCER_KAFKA_SECURITY" in given} == set(users)
    for name, user in users.items():
        given, files = ours[name], volumes[READERS[name]]
        assert given["REBALANCER_KAFKA_SECURITY"] == "SASL_SSL"
        assert given["REBALANCER_KAFKA_CA_FILE"] == "/secrets/kafka_ca.pem"
        assert files["rebalancer_kafka_password"] == f"kafka_password_{user}"
        assert files["kafka_ca.pem"] == "kafka_authority"
        assert given.get("REBALANCER_KAFKA_MECHANISM", SCRAM) == (ADMIN_MECHANISM if user == ADMIN else SCRAM)
    for reader, files in volumes.items():
        assert reader in {"acls", "kafka"} or f"kafka_password_{ADMIN}" not in " ".join(files.values()), reader
        assert reader == "kafka" or "kafka_identity" not in files.values(), reader
    passwords = {f"kafka_password_{user.replace('-', '_')}" for user in USERS}
    assert passwords <= set(volumes["acls"]), "as `python -m deploy.acls apply` reads them"


def test_the_broker_takes_nobody_without_tls_and_gives_nothing_that_is_not_given(compose: dict[str, Any]) -> None:
    given = compose["services"]["kafka"]["environment"]
    protocols = dict(pair.split(":") for pair in given["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    listeners = dict(pair.split("://:") for pair in given["KAFKA_LISTENERS"].split(","))
    assert set(protocols) == set(listeners)
    assert set(protocols.values()) == {"SASL_SSL", "SSL"}
    for name, protocol in protocols.items():
        if protocol == "SSL":
            assert given[f"KAFKA_LISTENER_NAME_{name}_SSL_CLIENT_AUTH"] == "required"
            assert listeners[name] not in str(compose["services"]["kafka"]["ports"]), "for brokers alone"
        else:
            assert name.lower() in make_secrets.KAFKA_LISTENERS
    for name, value in RIGHTS.items():
        assert given[f"KAFKA_{name.upper().replace('.', '_')}"] == value
    assert given["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    mounted = {f"/mnt/shared/config/{file}" for file in make_secrets.contents(secrets_of_names())["kafka"]}
    assert {given["KAFKA_SSL_KEYSTORE_LOCATION"], given["KAFKA_SSL_TRUSTSTORE_LOCATION"]} < mounted


def test_one_service_builds_the_image_of_all(compose: dict[str, Any]) -> None:
    ours = {name: service for name, service in compose["services"].items() if service["image"] == "rebalancer:local"}
    assert [name for name, service in ours.items() if "build" in service] == ["secrets"]
    assert all(service["pull_policy"] == "never" for service in ours.values())
    assert set(ours) == {*RUNNING, *ONE_SHOTS, "custodian"}


def test_everything_is_part_of_the_plain_start_and_has_a_limit_of_memory(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert "profiles" not in service, name
        assert "mem_limit" in service, name
        assert not str(service.get("network_mode", "none")).startswith(("service:", "container:")), name


def test_every_end_is_waited_for(compose: dict[str, Any]) -> None:
    """`docker compose up --wait` fails at a container that ends while nothing waits for its end."""
    ended = {
        need
        for service in compose["services"].values()
        for need, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    assert ended == set(ONE_SHOTS)


def test_the_database_has_the_settings_of_the_local_stack(compose: dict[str, Any]) -> None:
    program, *given = compose["services"]["postgres"]["command"]
    assert program == "postgres"
    settings = dict(option.removeprefix("-c").split("=", 1) for option in given)
    assert settings == {name: value for name, value in postgres.SETTINGS.items() if name not in OF_THE_IMAGE}


def test_every_published_port_is_on_loopback_and_heard_inside(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        for published in service.get("ports", []):
            found = re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:(\d+)", published)
            assert found, f"{name} publishes {published} beyond this machine, or its port cannot be chosen"
            inside = found[1]
            listening = {str(peer.get("environment", {}).get("REBALANCER_HTTP_PORT")) for peer in services.values()}
            assert inside in listening | {"9094", "5432", "9090", "3000"}, f"nothing in {name} listens on {inside}"
            probes = str(service.get("environment", {}).get("REBALANCER_PROBE_PORT"))
            assert inside != probes, f"{name} publishes its probes and metrics"


def test_addresses_between_containers_name_a_container_and_its_port(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for peer in ("analyzer", "taxlot", "batch"):
        port = services[peer]["environment"]["REBALANCER_HTTP_PORT"]
        assert services["taxlot"]["environment"][f"REBALANCER_{peer.upper()}_URL"] == f"http://{peer}:{port}"
    door, issuer = services["gateway"], services["issuer"]
    for variable, container, inside in (
        ("REBALANCER_GATEWAY_URL", door, "8400"),
        ("REBALANCER_OIDC_ISSUER_URL", issuer, "8401"),
    ):
        published = container["ports"][0].removesuffix(f":{inside}")
        assert door["environment"][variable] == issuer["environment"][variable] == f"http://{published}"
    known = {service.get("environment", {}).get("REBALANCER_GATEWAY_URL") for service in services.values()}
    assert known - {None} == {door["environment"]["REBALANCER_GATEWAY_URL"]}, "subscribers fetch schemas there"
    listens = issuer["environment"]["REBALANCER_HTTP_PORT"]
    assert door["environment"]["REBALANCER_OIDC_BACKCHANNEL_URL"] == f"http://issuer:{listens}"
    targets = yaml.safe_load((DOCKERFILE.parent / "prometheus.yml").read_text())["scrape_configs"][0]["static_configs"]
    for target in targets[0]["targets"]:
        name, port = target.split(":")
        listens = services[name]["environment"]
        assert str(listens.get("REBALANCER_PROBE_PORT", listens["REBALANCER_HTTP_PORT"])) == port


def test_the_operations_page_watches_every_process(compose: dict[str, Any], tmp_path: Path) -> None:
    watched = targets_of(compose["services"]["gateway"]["environment"]["REBALANCER_WATCHED"])
    assert set(watched) == set(table.PROGRAMS) - {"issuer"}
    targets = yaml.safe_load((DOCKERFILE.parent / "prometheus.yml").read_text())["scrape_configs"][0]["static_configs"]
    reached = {address.removeprefix("http://").replace("127.0.0.1", "gateway") for address in watched.values()}
    assert reached == set(targets[0]["targets"])
    local = table.environment(addresses(tmp_path), "gateway", {})["REBALANCER_WATCHED"]
    assert set(targets_of(local)) == set(watched)


def test_health_and_order_are_coherent(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        checked = not service.get("healthcheck", {"disable": True}).get("disable", False)
        assert checked == (name not in ONE_SHOTS), name
        for need, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if need in ONE_SHOTS else "service_healthy"
            assert how["condition"] == wanted, f"{name} waits for {need}"
    for name in table.MIGRATED:
        assert f"migrate-{name}" in services[name]["depends_on"]
    for name in (*SERVICES, "analyzer-sweeper"):
        assert "topics" in services[name]["depends_on"]
    assert "acls" in services["topics"]["depends_on"]
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


def test_each_process_has_its_own_roles_and_only_what_makes_roles_has_all() -> None:
    volumes = make_secrets.contents(secrets_of_names())
    assert {f"{role}_password" for role in roles.NAMES} < set(volumes["roles"])
    for name in table.MIGRATED:
        for reader, setting, role in (
            (name, "database_url", name),
            (name, "requests_database_url", f"{name}{roles.REQUESTS}"),
            (f"migrate-{name}", "database_url", f"{name}{roles.OWNER}"),
        ):
            login = f"{role}:{role}_password"
            assert volumes[reader][f"rebalancer_{setting}"] == f"postgresql://{login}@postgres:5432/rebalancer"
    for reader, files in volumes.items():
        given = " ".join(files.values())
        if reader not in {"roles", *MIGRATIONS}:
            assert f"{roles.OWNER}_password" not in given, reader
        if reader not in {"roles", "postgres"}:
            assert "admin_password" not in given, reader


def test_secrets_stay_and_those_of_an_earlier_release_are_kept(tmp_path: Path) -> None:
    """With another password of the superuser the database that is there could not be entered any more."""
    volumes = made_volumes(tmp_path)
    given = {"POSTGRES_PASSWORD": "old", "GRAFANA_PASSWORD": ""}  # pragma: allowlist secret
    make_secrets.make(tmp_path, volumes, given)
    before = {file: file.read_text() for file in volumes.rglob("*") if file.is_file()}
    assert before[volumes / "postgres" / "postgres_password"] == "old"  # pragma: allowlist secret
    assert all(before.values())
    (volumes / "batch" / "rebalancer_database_url").unlink()
    make_secrets.make(tmp_path, volumes, {})
    assert {file: file.read_text() for file in volumes.rglob("*") if file.is_file()} == before


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
        sample
        for family in _families()
        for sample in (family.name, *(f"{family.name}_{end}" for end in ("total", "bucket", "sum")))
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
