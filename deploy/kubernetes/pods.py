"""What the pods of Deployments and Jobs have in common: hardening, volumes, probes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from deploy.kubernetes.workloads import IMAGE, SETTINGS, USER_ID, Manifest, Workload, labels, secret_of

SECRETS_DIR: Final = "/secrets"
KAFKA_DIR: Final = "/kafka"
"""Where the certificate is that the brokers' own are signed with: the setting kafka_ca_file names it."""
KAFKA_AUTHORITY: Final = "rebalancer-cluster-ca-cert"
"""The Secret in which Strimzi keeps it, under ca.crt."""
KERNELS_DIR: Final = "/var/cache/numba"
GRACE_S: Final = 60
"""A worker ends its group of messages and commits, an API its requests (30 s a forwarded request at most)."""
GATEWAY_PAUSE_S: Final = 5
"""Time for load balancers to learn that a gateway ends, before it stops listening."""
_LOCKED: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def pod(
    containers: Sequence[Manifest], volumes: Sequence[Manifest], first: Sequence[Manifest] = (), **more: Any
) -> Manifest:
    """Return the spec of a hardened pod.  first: containers that run before, one after the other."""
    return {
        "serviceAccountName": "rebalancer",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "shareProcessNamespace": True,  # ours is not the first process, which would leave dead ones and signals alone
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **more,
        **({"initContainers": list(first)} if first else {}),
        "containers": list(containers),
        "volumes": list(volumes),
    }


def container(
    name: str, module: Sequence[str], mounts: Mapping[str, str], cpu: str, memory: str, **more: Any
) -> Manifest:
    """Return a hardened container of our image.  mounts: of each volume its path; secrets cannot be written."""
    return {
        "name": name,
        "image": IMAGE,
        "command": ["python", "-m", *module],
        "envFrom": [{"configMapRef": {"name": SETTINGS}}],
        **more,
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}},
        "securityContext": dict(_LOCKED),
        "volumeMounts": [
            {"name": volume, "mountPath": path, **({"readOnly": True} if path in {SECRETS_DIR, KAFKA_DIR} else {})}
            for volume, path in mounts.items()
        ],
    }


def variables(given: Mapping[str, str]) -> list[Manifest]:
    """Return settings as environment variables."""
    return [{"name": f"REBALANCER_{name}", "value": value} for name, value in given.items()]


def secret_volume(volume: str, reader: str) -> Manifest:
    """Return a volume with the secrets of one reader, one setting a file, readable by our group alone."""
    return {"name": volume, "secret": {"secretName": secret_of(reader), "defaultMode": 0o440}}


def kafka_volume() -> Manifest:
    """Return the volume with the authority of the brokers' certificates."""
    authority = {"secretName": KAFKA_AUTHORITY, "items": [{"key": "ca.crt", "path": "ca.crt"}], "defaultMode": 0o444}
    return {"name": "kafka", "secret": authority}


def empty(volume: str, size: str) -> Manifest:
    """Return a volume that ends with its pod."""
    return {"name": volume, "emptyDir": {"sizeLimit": size}}


def probes(workload: Workload) -> Manifest:
    """Return the probes of a workload.

    Alive is a process whose work goes on; an outage of a store is no reason to restart it.  Readiness decides whether
    requests are sent to a pod, so it rests on the database alone, whatever Kafka does; the proposer, to which nobody
    sends any, is ready when it has partitions.  Source: shared.http.app.
    """

    def ask(path: str, **how: int) -> Manifest:
        return {"httpGet": {"path": path, "port": "probes"}, "timeoutSeconds": 5, **how}

    return {
        "startupProbe": ask("/healthz", periodSeconds=2, failureThreshold=90),
        "livenessProbe": ask("/healthz", periodSeconds=10, failureThreshold=3),
        "readinessProbe": ask("/readyz/api", periodSeconds=5, failureThreshold=3),
    }


def spread(name: str) -> list[Manifest]:
    """Return the wish that replicas stand on different machines, and in different zones."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": labels(name)},
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]
