"""The manifests of the processes: commands, settings, secrets, probes, hardening, as in the rest of the system."""

import importlib

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from deploy import kernels, roles
from deploy.kubernetes import manifests, network, render, scaling, schemas
from deploy.kubernetes.workloads import IMAGE, SCALED, WORKLOADS, Workload, watched
from deploy.stack import table
from deploy.stack.layout import CHECKOUT
from deploy.topic_plan import TopicSettings
from services.gateway.ops.processes import targets_of
from shared.contracts.rights import USERS
from shared.kafka.lag import WORKERS
from tests.unit.kubernetes_objects import (
    HOME,
    ONE_POD_EACH,
    SETTINGS,
    compose,
    containers,
    objects,
    pods,
    settings_class,
)

pytestmark = pytest.mark.fast
PAGE = (CHECKOUT / "docs" / "kubernetes.md").read_text()


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_commands_ports_and_memory_are_those_of_containers(workload: Workload) -> None:
    other = compose()[workload.name]
    given = {name: str(value) for name, value in other["environment"].items()}
    assert workload.module == table.PROGRAMS[workload.name].module
    assert other["command"] == ["python", "-m", *workload.module]
    assert given["REBALANCER_HTTP_PORT"] == str(workload.port)
    assert given.get("REBALANCER_PROBE_PORT", str(workload.port)) == str(workload.probes)
    if "mem_limit" in other:
        assert other["mem_limit"].upper() + "I" == workload.memory.upper()
    for peer in ("analyzer", "taxlot", "batch"):
        assert SETTINGS[f"REBALANCER_{peer.upper()}_URL"] == given[f"REBALANCER_{peer.upper()}_URL"]
    assert workload.has_kernels == (workload.service in kernels.SERVICES)
    assert workload.has_database == (table.PROGRAMS[workload.name].owner is not None)


def test_the_operations_page_watches_what_it_does_in_containers() -> None:
    assert targets_of(watched()) == targets_of(compose()["gateway"]["environment"]["REBALANCER_WATCHED"])


def test_every_process_of_the_system_is_a_workload() -> None:
    assert {workload.name for workload in WORKLOADS} == set(table.SERVICES) - {"issuer"}
    assert set(SCALED) == set(WORKERS)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_every_setting_that_is_demanded_is_given_and_secrets_only_as_files(workload: Workload) -> None:
    runs = pods("base")[workload.name]["spec"]["containers"][0]
    secret = set(manifests.secrets()[workload.service])
    given = {variable["name"].lower() for variable in runs["env"]} | {name.lower() for name in SETTINGS}
    fields = settings_class(workload).model_fields
    demanded = {f"rebalancer_{name}" for name, field in fields.items() if field.is_required()}
    assert demanded <= given | secret
    kept = {name for name, field in fields.items() if field.annotation is SecretStr and field.is_required()}
    kept |= {name for name in fields if "database_url" in name}
    assert {f"rebalancer_{name}" for name in kept} <= secret - given
    known = {f"rebalancer_{name}" for name in fields}
    assert secret <= known, "a file that nobody reads"
    assert {variable["name"].lower() for variable in runs["env"]} <= known


def test_every_client_of_kafka_has_a_user_a_password_and_the_authority() -> None:
    """Of the Jobs one step alone asks the broker; the others say that they do not, and still need the file."""
    assert SETTINGS["REBALANCER_KAFKA_SECURITY"] == "SASL_SSL"
    folder, _, name = SETTINGS["REBALANCER_KAFKA_CA_FILE"].rpartition("/")
    demo = {name: pod for name, pod in pods(ONE_POD_EACH).items() if name != "issuer"}  # it knows no Kafka
    for pod in [*pods("base").values(), *pods("prepare").values(), *demo.values()]:
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for container in containers(pod):
            given = {variable["name"]: variable["value"] for variable in container.get("env", ())}
            if container["command"][2] in {"deploy.kernels", "deploy.roles"}:
                continue  # these read no settings of Kafka
            paths = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            assert volumes[paths[folder]]["secret"]["items"] == [{"key": "ca.crt", "path": name}]
            if given.get("REBALANCER_KAFKA_SECURITY") == "PLAINTEXT":
                assert "migrate" in container["command"] or "services.gateway grant" in container["command"][-1]
                continue
            user = given["REBALANCER_KAFKA_USER"]
            assert user in USERS
            assert volumes[paths["/secrets"]]["secret"]["secretName"] == f"rebalancer-{user}"
            assert manifests.KAFKA_PASSWORD in manifests.secrets()[user]


def test_settings_for_everybody_are_read_by_somebody() -> None:
    classes: list[type[BaseSettings]] = [*(settings_class(workload) for workload in WORKLOADS), TopicSettings]
    known = {f"REBALANCER_{name.upper()}" for settings in classes for name in settings.model_fields}
    assert set(SETTINGS) - known == {"REBALANCER_SECRETS_DIR"}
    demo = scaling.settings_of(HOME / ONE_POD_EACH / "settings.yaml")
    assert set(demo) <= known


@pytest.mark.parametrize("folder", ["base", "prepare", ONE_POD_EACH])
def test_pods_are_hardened(folder: str) -> None:
    for name, pod in pods(folder).items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        context = spec["securityContext"]
        assert (context["runAsNonRoot"], context["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
        assert f"--uid {context['runAsUser']} " in (CHECKOUT / "deploy" / "docker" / "Dockerfile").read_text()
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        for container in containers(pod):
            own = container["securityContext"]
            assert own == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["image"] == IMAGE
            resources = container["resources"]
            assert {"cpu", "memory"} <= resources["requests"].keys() and "memory" in resources["limits"]
            mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
            assert "tmp" in mounts
            assert all(mount.get("readOnly") for mount in mounts.values() if mount["mountPath"] == "/secrets")
            assert mounts.keys() <= {volume["name"] for volume in spec["volumes"]}


@pytest.mark.parametrize("folder", ["base", ONE_POD_EACH])
def test_probes_ask_what_the_processes_answer(folder: str) -> None:
    for name, pod in pods(folder).items():
        (runs,) = pod["spec"]["containers"]
        if "grants" in name:
            continue
        paths = {kind: runs[kind]["httpGet"]["path"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
        requests = "/readyz" if name == "issuer" else "/readyz/api"
        assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": requests}
        assert "probes" in {port["name"] for port in runs["ports"]}
        assert pod["spec"]["terminationGracePeriodSeconds"] >= 30


def test_each_workload_has_a_service_a_budget_and_is_spread() -> None:
    services, budgets = objects("base", "Service"), objects("base", "PodDisruptionBudget")
    for name, made in objects("base", "Deployment").items():
        labels = made["spec"]["template"]["metadata"]["labels"]
        chosen = services[name]["spec"]["selector"]
        assert chosen.items() <= labels.items() and made["spec"]["selector"]["matchLabels"] == chosen
        assert budgets[name]["spec"] == {"maxUnavailable": 1, "selector": {"matchLabels": chosen}}
        assert made["spec"]["replicas"] > 1 or name == "auditor"
        spread = made["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in spread} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}


def test_the_preparation_goes_step_by_step_each_with_its_own_secret() -> None:
    job = objects("prepare", "Job")["rebalancer-prepare"]["spec"]["template"]
    steps = containers(job)
    assert [step["name"] for step in steps] == ["roles", *(f"migrate-{name}" for name in roles.SERVICES), "topics"]
    assert steps[-1] == job["spec"]["containers"][0]
    for step in steps:
        assert len([mount for mount in step["volumeMounts"] if mount["mountPath"] == "/secrets"]) == 1
        assert importlib.util.find_spec(step["command"][2]) is not None
    assert {f"{role}_password" for role in roles.NAMES} < set(manifests.secrets()["roles"])


def test_secrets_are_referred_to_and_never_made_and_the_page_names_each() -> None:
    for folder in schemas.FOLDERS:
        found = render.rendered(HOME / folder)
        assert not [made for made in found if made["kind"] == "Secret"]
    for reader, keys in manifests.secrets().items():
        row = next((line for line in PAGE.splitlines() if f"| `rebalancer-{reader}` |" in line), "")
        assert all(f"`{key}`" in row for key in keys if not key.endswith("_password")), f"docs/kubernetes.md: {reader}"
    for folder in ("base", "prepare", ONE_POD_EACH):
        for pod in pods(folder).values():
            for volume in pod["spec"]["volumes"]:
                if "secret" in volume:
                    assert f"`{volume['secret']['secretName']}`" in PAGE


def test_everything_is_denied_and_each_flow_has_both_ends() -> None:
    policies = objects("base", "NetworkPolicy")
    assert policies["default-deny"]["spec"].keys() == {"podSelector", "policyTypes"}
    every = policies["default-deny"]["spec"]["podSelector"]["matchLabels"]
    for folder in ("base", "prepare", ONE_POD_EACH):
        for pod in pods(folder).values():
            assert every.items() <= pod["metadata"]["labels"].items()
    for flow in network.flows():
        for name, way, key in ((flow.source, "egress", "to"), (flow.target, "ingress", "from")):
            if name in policies:
                rules = policies[name]["spec"][way]
                ports = {port["port"] for rule in rules for port in rule["ports"]}
                assert flow.port in ports, f"{flow} is not let through at {name} ({key})"


def test_only_services_with_kernels_can_be_compiled_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert kernels.main(["gateway"]) == 2
    assert "no kernels: gateway" in capsys.readouterr().err
