"""KEDA: replicas of workers follow the lag of their consumer groups; and what Prometheus scrapes and alerts on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import yaml

from deploy.kubernetes.stores import layout_of, user_with
from deploy.kubernetes.workloads import PART_OF, SCALED, SETTINGS, WORKLOADS, Manifest, manifest, secret_of
from deploy.topic_plan import TopicSettings, partitions_of
from shared.contracts.rights import Right
from shared.contracts.topics import TOPICS, Topic
from shared.kafka.lag import worker_group

RULES: Final = Path(__file__).parents[1] / "observe" / "rules.yml"
SCALING: Final = "scaling"
_CHUNKS_A_REPLICA, _EVENTS_A_REPLICA = 10, 2000
_QUIET_S, _STEP_S = 900, 300
"""Every step divides the partitions anew, which stops the group for seconds: down slowly, and one at a time."""


def scalers(settings: Mapping[str, str]) -> list[Manifest]:
    """Return a ScaledObject for each worker.  settings: the data of the settings' ConfigMap."""
    layout = layout_of(settings)
    return [_scaler(name, layout) for name in SCALED]


def shared_topics(worker: str, layout: TopicSettings) -> list[Topic]:
    """Return the topics whose partitions the replicas of a worker share."""
    return [topic for topic in TOPICS if worker in topic.consumers and partitions_of(topic, layout) > 1]


def _scaler(name: str, layout: TopicSettings) -> Manifest:
    shared = shared_topics(name, layout)
    workload = next(workload for workload in WORKLOADS if workload.name == name)
    calm = {
        "scaleDown": {
            "stabilizationWindowSeconds": _QUIET_S,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": _STEP_S}],
        },
        "scaleUp": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]},
    }
    return manifest(
        "keda.sh/v1alpha1",
        "ScaledObject",
        name,
        spec={
            "scaleTargetRef": {"name": name},
            "pollingInterval": 15,
            "minReplicaCount": workload.replicas,
            # A replica beyond the partitions would have nothing to do and never be ready.
            "maxReplicaCount": max(partitions_of(topic, layout) for topic in shared),
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": calm}},
            "triggers": [_trigger(name, topic, layout) for topic in shared],
        },
    )


def _trigger(name: str, topic: Topic, layout: TopicSettings) -> Manifest:
    is_chunk = isinstance(topic.content, pa.Schema)
    return {
        "type": "kafka",
        "metadata": {
            "bootstrapServers": layout.kafka_url,
            "consumerGroup": worker_group(name),
            "topic": topic.name,
            "lagThreshold": str(_CHUNKS_A_REPLICA if is_chunk else _EVENTS_A_REPLICA),
            "offsetResetPolicy": "earliest",
            "tls": "enable",
            "sasl": "scram_sha512",
        },
        "authenticationRef": {"name": "kafka"},
    }


def kafka_user(settings: Mapping[str, str]) -> Manifest:
    """Return the user as which KEDA reads lags: it may describe the workers' groups and topics.

    Name and password are in the Secret `rebalancer-scaling`.
    """
    layout = layout_of(settings)
    read = sorted({topic.name for name in SCALED for topic in shared_topics(name, layout)})
    rights = [Right("Topic", name, False, "Describe") for name in read]
    rights += [Right("Group", worker_group(name), False, "Describe") for name in SCALED]
    return user_with(SCALING, rights, (secret_of(SCALING), "password"))


def monitors() -> list[Manifest]:
    """Return what tells Prometheus which pods to scrape; the job is named as alert rules and dashboards name it."""
    spec = {
        "jobLabel": "app.kubernetes.io/part-of",
        "selector": {"matchLabels": {"app.kubernetes.io/part-of": PART_OF}},
        "podMetricsEndpoints": [{"port": "probes", "path": "/metrics", "interval": "15s"}],
    }
    return [manifest("monitoring.coreos.com/v1", "PodMonitor", PART_OF, spec=spec)]


def rules() -> list[Manifest]:
    """Return the alert rules of deploy.observe as an object of the Prometheus operator."""
    groups: Any = yaml.safe_load(RULES.read_text())["groups"]
    return [manifest("monitoring.coreos.com/v1", "PrometheusRule", PART_OF, spec={"groups": groups})]


def without_replicas() -> list[Manifest]:
    """Return the patch that leaves the number of replicas to KEDA: an apply would set it back."""
    operation = [{"op": "remove", "path": "/spec/replicas"}]
    return [
        {"target": {"kind": "Deployment", "name": name}, "patch": yaml.safe_dump(operation, sort_keys=False)}
        for name in SCALED
    ]


def settings_of(path: Path) -> dict[str, str]:
    """Return the settings in a file with their ConfigMap.  Raises KeyError if it holds another object."""
    found: Any = yaml.safe_load(path.read_text())
    if found["metadata"]["name"] != SETTINGS:
        raise KeyError(SETTINGS)
    return dict(found["data"])
