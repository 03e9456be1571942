"""The table of what runs on Kubernetes: commands and ports are those of docker-compose.yml, a test compares."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from shared.runtime.version import VERSION

Manifest = dict[str, Any]
"""One object of Kubernetes."""

PART_OF: Final = "rebalancer"
IMAGE_NAME: Final = "rebalancer"
"""What an installation replaces by the address and digest in its own registry (`images` of Kustomize)."""
IMAGE: Final = f"{IMAGE_NAME}:{VERSION}"
SETTINGS: Final = "rebalancer-settings"
KAFKA_LABEL, DATABASE_LABEL = f"{PART_OF}/kafka", f"{PART_OF}/postgres"
USER_ID: Final = 10001
"""The image's user, as the Dockerfile makes it."""


@dataclass(frozen=True)
class Workload:
    """One Deployment.

    module: what `python -m` runs; service: whose settings, secret and database roles it has; probe_port: of /healthz,
    /readyz and /metrics where the port serves the world; has_database, has_kernels: whether it uses one; claims: where
    each volume claim is mounted; variables: settings of its own, without their prefix.
    """

    name: str
    module: tuple[str, ...]
    service: str
    port: int
    cpu: str
    memory: str
    probe_port: int | None = None
    has_database: bool = True
    has_kernels: bool = True
    replicas: int = 2
    claims: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def probes(self) -> int:
        """Return the port of probes and metrics."""
        return self.probe_port or self.port

    @property
    def is_worker(self) -> bool:
        """Return whether it shares the partitions of a consumer group, which every start and end divides anew."""
        return self.name in SCALED

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels of its pods; the last two say which stores it may reach."""
        return {
            **labels(self.name),
            KAFKA_LABEL: "true",
            **({DATABASE_LABEL: "true"} if self.has_database else {}),
        }


SCALED: Final = ("analyzer", "proposer", "taxlot")
"""Workloads whose replicas follow the lag of their consumer group."""

WORKLOADS: Final = (
    Workload(
        "taxlot",
        ("services.taxlot",),
        "taxlot",
        8403,
        "500m",
        "2Gi",
        claims={"inbox": "/inbox"},
        variables={"INBOX_DIR": "/inbox", "MAPPINGS_DIR": "/app/deploy/mappings"},
    ),
    Workload("analyzer", ("services.analyzer",), "analyzer", 8404, "500m", "2Gi"),
    Workload("analyzer-sweeper", ("services.analyzer", "sweep"), "analyzer", 8406, "250m", "2Gi"),
    Workload("proposer", ("services.proposer",), "proposer", 8405, "1", "2Gi", has_database=False),
    Workload("batch", ("services.batch",), "batch", 8402, "500m", "2Gi"),
    Workload(
        "gateway",
        ("services.gateway",),
        "gateway",
        8400,
        "500m",
        "1Gi",
        probe_port=8407,
        has_kernels=False,
        variables={"PROBE_PORT": "8407", "PROBE_HOST": "0.0.0.0"},  # noqa: S104  # reached by the kubelet, from outside
    ),
    # One is enough: nobody waits for it, and an alert says when it is away.
    Workload("auditor", ("services.auditor",), "auditor", 8408, "100m", "1Gi", has_kernels=False, replicas=1),
)


def watched() -> str:
    """Return what the gateway's operations page shows: each workload at its probes, of one of its pods."""
    return ",".join(
        f"{workload.name}=http://{'127.0.0.1' if workload.name == 'gateway' else workload.name}:{workload.probes}"
        for workload in WORKLOADS
    )


def labels(name: str) -> dict[str, str]:
    """Return the labels by which the pods of `name` are found."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": PART_OF}


def manifest(version: str, kind: str, name: str, /, **content: Any) -> Manifest:
    """Return an object of our own; Kustomize adds the namespace."""
    metadata = {"name": name, "labels": {"app.kubernetes.io/part-of": PART_OF}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}


def secret_of(reader: str) -> str:
    """Return the name of the Secret with all that one reader is given."""
    return f"rebalancer-{reader}"
