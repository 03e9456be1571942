"""Who talks to whom: the one table of flows, and the policies that let these through and nothing else."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from deploy.kubernetes.manifests import PREPARE
from deploy.kubernetes.workloads import DATABASE_LABEL, KAFKA_LABEL, PART_OF, WORKLOADS, Manifest, labels, manifest

KAFKA_PORT, POSTGRES_PORT, TLS_PORT, DNS_PORT = 9093, 5432, 443, 53
INGRESS, PROMETHEUS, ISSUER = "ingress", "prometheus", "issuer"
"""Parties outside: the namespaces of the first two are marked by a label, the issuer is reached by TLS anywhere."""
_NAMESPACES: Final = {INGRESS: f"{PART_OF}/ingress", PROMETHEUS: f"{PART_OF}/monitoring"}


@dataclass(frozen=True)
class Flow:
    """A connection that is opened: from a workload or a party outside to another, on a port."""

    source: str
    target: str
    port: int


def flows() -> list[Flow]:
    """Return every flow but those to DNS and to the stores, which labels of the pods allow."""
    gateway = next(workload for workload in WORKLOADS if workload.name == "gateway")
    behind = [workload for workload in WORKLOADS if workload is not gateway]  # requests, and the operations page
    return [
        Flow(INGRESS, gateway.name, gateway.port),
        Flow(gateway.name, ISSUER, TLS_PORT),
        *(Flow(gateway.name, workload.name, workload.probes) for workload in behind),
        *(Flow(PROMETHEUS, workload.name, workload.probes) for workload in WORKLOADS),
    ]


def policies() -> list[Manifest]:
    """Return the policies: nothing is let through but names, stores, and each flow of the table."""
    every = {"matchLabels": {"app.kubernetes.io/part-of": PART_OF}}
    dns = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    resolve = {"to": [dns], "ports": [_port(DNS_PORT, "UDP"), _port(DNS_PORT)]}
    return [
        _policy("default-deny", every, types=("Ingress", "Egress")),
        _policy("dns", every, egress=[resolve]),
        _policy("to-kafka", {"matchLabels": {KAFKA_LABEL: "true"}}, egress=[{"ports": [_port(KAFKA_PORT)]}]),
        _policy("to-postgres", {"matchLabels": {DATABASE_LABEL: "true"}}, egress=[{"ports": [_port(POSTGRES_PORT)]}]),
        *_of_flows(flows()),
    ]


def _of_flows(table: list[Flow]) -> Iterator[Manifest]:
    """Yield the policy of each workload that a flow begins or ends at."""
    for name in [*(workload.name for workload in WORKLOADS), PREPARE]:
        ingress = [{"from": [_peer(flow.source)], "ports": [_port(flow.port)]} for flow in table if flow.target == name]
        egress = [
            {**({} if flow.target == ISSUER else {"to": [_peer(flow.target)]}), "ports": [_port(flow.port)]}
            for flow in table
            if flow.source == name
        ]
        if ingress or egress:
            yield _policy(name, {"matchLabels": labels(name)}, ingress, egress)


def _policy(
    name: str,
    selector: Manifest,
    ingress: Iterable[Manifest] = (),
    egress: Iterable[Manifest] = (),
    types: Iterable[str] = (),
) -> Manifest:
    """Return a policy; its types are those of its rules unless given."""
    rules = {"ingress": list(ingress), "egress": list(egress)}
    found = list(types) or [kind.capitalize() for kind, made in rules.items() if made]
    there = {kind: made for kind, made in rules.items() if made}
    return manifest(
        "networking.k8s.io/v1", "NetworkPolicy", name, spec={"podSelector": selector, "policyTypes": found, **there}
    )


def _peer(name: str) -> Manifest:
    if name in _NAMESPACES:
        return {"namespaceSelector": {"matchLabels": {_NAMESPACES[name]: "true"}}}
    return {"podSelector": {"matchLabels": labels(name)}}


def _port(number: int, protocol: str = "TCP") -> Manifest:
    return {"protocol": protocol, "port": number}
