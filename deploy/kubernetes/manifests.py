"""Deployments, Services, disruption budgets, and the Job that prepares stores before they start."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import yaml

from deploy.kubernetes import pods
from deploy.kubernetes.workloads import (
    DATABASE_LABEL,
    KAFKA_LABEL,
    WORKLOADS,
    Manifest,
    Workload,
    labels,
    manifest,
    watched,
)
from deploy.roles import AUDITOR, NAMES, SERVICES
from shared.contracts.rights import TOPICS_ADMIN

PREPARE: Final = "prepare"
KAFKA_PASSWORD: Final = "rebalancer_kafka_password"  # noqa: S105  # pragma: allowlist secret
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
TMP: Final = "/tmp"  # noqa: S108  # a volume of the pod
_SETTLED_S: Final = 20  # a worker's start divides the partitions anew: the next pod waits until that is over


def workloads() -> list[Manifest]:
    """Return everything of all workloads, in the order of the table."""
    return [made for workload in WORKLOADS for made in (_deployment(workload), _service(workload), _budget(workload))]


def prepare() -> list[Manifest]:
    """Return the Job that makes roles, migrates each service's schema, and then creates and alters topics.

    Its steps are containers that run one after the other; a step that fails stops those behind it, and so the rollout.
    Each reads its own secret and no other.
    """
    ports = {workload.service: str(workload.port) for workload in reversed(WORKLOADS)}
    readers = ["roles", *(f"{service}-migrator" for service in SERVICES)]
    migrations = [
        _step(
            f"migrate-{service}",
            (f"services.{service}", "migrate"),
            f"{service}-migrator",
            # Demanded of every process: a port, though nobody listens on it, and a broker, though nobody asks it.
            {"HTTP_PORT": ports[service], "KAFKA_SECURITY": "PLAINTEXT"},
            kafka=pods.KAFKA_DIR,
        )
        for service in SERVICES
    ]
    volumes = [
        pods.empty("tmp", "64Mi"),
        *(pods.secret_volume(f"secrets-{reader}", reader) for reader in [*readers, TOPICS_ADMIN]),
        pods.kafka_volume(),
    ]
    first = [_step("roles", ("deploy.roles",), "roles"), *migrations]
    topics = _step("topics", ("deploy.topics",), TOPICS_ADMIN, {"KAFKA_USER": TOPICS_ADMIN}, kafka=pods.KAFKA_DIR)
    spec = pods.pod([topics], volumes, first, restartPolicy="OnFailure")
    marked = {**labels(PREPARE), KAFKA_LABEL: "true", DATABASE_LABEL: "true"}
    job = {
        "backoffLimit": 6,
        "activeDeadlineSeconds": 1800,
        "ttlSecondsAfterFinished": 86_400,
        "template": {"metadata": {"labels": marked}, "spec": spec},
    }
    return [manifest("batch/v1", "Job", f"rebalancer-{PREPARE}", spec=job)]


def shared_kernels() -> list[Manifest]:
    """Return the patch that keeps compiled kernels in a claim that all pods mount, so that each is compiled once.

    The volume of the kernels is the first of its pod.
    """
    claim = {"name": "kernels", "persistentVolumeClaim": {"claimName": "rebalancer-kernels"}}
    operation = [{"op": "replace", "path": "/spec/template/spec/volumes/0", "value": claim}]
    return [
        {
            "target": {"kind": "Deployment", "name": workload.name},
            "patch": yaml.safe_dump(operation, sort_keys=False),
        }
        for workload in WORKLOADS
        if workload.has_kernels
    ]


def _step(
    name: str, module: tuple[str, ...], reader: str, variables: Mapping[str, str] = NOTHING, **volumes: str
) -> Manifest:
    """Return a step of the Job.  variables: settings of its own; volumes: what it mounts besides its secrets."""
    given = {"env": pods.variables(variables)} if variables else {}
    mounts = {"tmp": TMP, f"secrets-{reader}": pods.SECRETS_DIR, **volumes}
    return pods.container(name, module, mounts, "100m", "512Mi", **given)


def secrets() -> dict[str, tuple[str, ...]]:
    """Return of each Secret's reader the keys that it holds; each key is a file named after a setting."""
    both = ("rebalancer_database_url", "rebalancer_requests_database_url")
    behind = (KAFKA_PASSWORD, *both, "rebalancer_principal_public_key")
    signing = ("rebalancer_principal_key", "rebalancer_session_key", "rebalancer_oidc_client_secret")
    return {
        **{service: behind for service in SERVICES if service != "gateway"},
        "gateway": (KAFKA_PASSWORD, *both, *signing),
        "proposer": (KAFKA_PASSWORD,),
        TOPICS_ADMIN: (KAFKA_PASSWORD,),
        AUDITOR: (KAFKA_PASSWORD, "rebalancer_database_url"),
        **{f"{service}-migrator": ("rebalancer_database_url",) for service in SERVICES},
        "roles": ("rebalancer_admin_database_url", *(f"{role}_password" for role in NAMES)),
    }


def _deployment(workload: Workload) -> Manifest:
    mounts = {"tmp": TMP, "secrets": pods.SECRETS_DIR, "kafka": pods.KAFKA_DIR}
    volumes = [pods.empty("tmp", "256Mi"), pods.secret_volume("secrets", workload.service), pods.kafka_volume()]
    first = []
    if workload.has_kernels:
        mounts["kernels"] = pods.KERNELS_DIR
        volumes.insert(0, pods.empty("kernels", "1Gi"))
        compiling = {name: path for name, path in mounts.items() if name in {"tmp", "kernels"}}
        module = ("deploy.kernels", workload.service)
        first = [pods.container("kernels", module, compiling, workload.cpu, workload.memory)]
    for claim, path in workload.claims.items():
        mounts[claim] = path
        volumes.append({"name": claim, "persistentVolumeClaim": {"claimName": f"rebalancer-{claim}"}})
    ports = [{"name": "probes", "containerPort": workload.probes}]
    if workload.probe_port is not None:
        ports.insert(0, {"name": "http", "containerPort": workload.port})
    runs = pods.container(
        workload.name,
        workload.module,
        mounts,
        workload.cpu,
        workload.memory,
        env=pods.variables(
            {
                "HTTP_PORT": str(workload.port),
                "KAFKA_USER": workload.service,
                **workload.variables,
                **_watching(workload),
            }
        ),
        ports=ports,
        **pods.probes(workload),
        **_before_the_end(workload),
    )
    spec = pods.pod(
        [runs],
        volumes,
        first,
        terminationGracePeriodSeconds=pods.GRACE_S,
        topologySpreadConstraints=pods.spread(workload.name),
    )
    return manifest(
        "apps/v1",
        "Deployment",
        workload.name,
        spec={
            "replicas": workload.replicas,
            "minReadySeconds": _SETTLED_S if workload.is_worker else 5,
            "revisionHistoryLimit": 5,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": _pace(workload)},
            "selector": {"matchLabels": labels(workload.name)},
            "template": {"metadata": {"labels": workload.labels}, "spec": spec},
        },
    )


def _pace(workload: Workload) -> Manifest:
    """Return how many pods are replaced at a time: a worker's first ends, an API's first starts."""
    return {"maxSurge": 0, "maxUnavailable": 1} if workload.is_worker else {"maxSurge": 1, "maxUnavailable": 0}


def _before_the_end(workload: Workload) -> Manifest:
    """Return the pause in which load balancers learn that a gateway ends."""
    if workload.name != "gateway":
        return {}
    return {"lifecycle": {"preStop": {"exec": {"command": ["sleep", str(pods.GATEWAY_PAUSE_S)]}}}}


def _watching(workload: Workload) -> dict[str, str]:
    return {"WATCHED": watched()} if workload.name == "gateway" else {}


def _service(workload: Workload) -> Manifest:
    ports = [{"name": "http", "port": workload.port, "targetPort": workload.port}]
    return manifest("v1", "Service", workload.name, spec={"selector": labels(workload.name), "ports": ports})


def _budget(workload: Workload) -> Manifest:
    """Return the budget that lets one replica be moved at a time."""
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": labels(workload.name)}}
    return manifest("policy/v1", "PodDisruptionBudget", workload.name, spec=spec)
