"""The manifests of stores and of scaling: they fit the topic table, the sessions of the database and each other."""

import pytest
import yaml

from deploy.kubernetes import network, scaling, stores
from deploy.kubernetes.workloads import DATABASE_LABEL, KAFKA_LABEL, SCALED, WORKLOADS
from deploy.stack import postgres
from deploy.stack.layout import CHECKOUT
from deploy.topic_plan import configuration_of, partitions_of
from services.auditor import settings as auditor
from services.taxlot.intake import load_lock
from shared.contracts.rights import SAMPLE_SUBSCRIBER, USERS, Right, rights_of
from shared.contracts.topics import TOPICS
from shared.kafka.lag import worker_groups
from shared.outbox import relay, watch
from tests.unit.kubernetes_objects import SETTINGS, objects, pods, settings_class

pytestmark = pytest.mark.fast
RESERVE = 25
"""Sessions of the database for migrations, the operator, and ten commands of people on call."""
POOLS = ("work_connections", "requests_connections", "export_connections")


def test_users_of_the_operator_have_the_rights_of_the_table_and_no_others() -> None:
    made = objects("overlays/strimzi", "KafkaUser")
    assert set(made) == set(USERS) - {SAMPLE_SUBSCRIBER} | {scaling.SCALING}
    for name, user in made.items():
        rights = {
            Right(acl["resource"]["type"].capitalize(), acl["resource"]["name"], prefixed, operation)
            for acl in user["spec"]["authorization"]["acls"]
            for prefixed in [acl["resource"]["patternType"] == "prefix"]
            for operation in acl["operations"]
        }
        if name == scaling.SCALING:
            assert {right.operation for right in rights} == {"Describe"}
        else:
            assert rights == set(rights_of(name))
        password = user["spec"]["authentication"].get("password")
        if password is not None and name != scaling.SCALING:
            assert password["valueFrom"]["secretKeyRef"]["name"] == f"rebalancer-{name}"
    triggers = [
        trigger
        for scaler in objects("overlays/keda", "ScaledObject").values()
        for trigger in scaler["spec"]["triggers"]
    ]
    allowed = {acl["resource"]["name"] for acl in made[scaling.SCALING]["spec"]["authorization"]["acls"]}
    assert {t["metadata"][key] for t in triggers for key in ("topic", "consumerGroup")} == allowed
    assert {t["authenticationRef"]["name"] for t in triggers} <= set(objects("overlays/keda", "TriggerAuthentication"))


def test_the_flows_are_those_that_settings_and_stores_ask_for() -> None:
    """The gateway alone calls others: no other process has their addresses as settings."""
    callers = {
        workload.name
        for workload in WORKLOADS
        if {"batch_url", "taxlot_url", "analyzer_url"} & settings_class(workload).model_fields.keys()
    }
    inside = {workload.name for workload in WORKLOADS}
    assert {flow.source for flow in network.flows() if flow.source in inside and flow.target in inside} == callers
    listening = {(workload.name, port) for workload in WORKLOADS for port in (workload.port, workload.probes)}
    assert {(flow.target, flow.port) for flow in network.flows() if flow.target in inside} <= listening
    assert int(SETTINGS["REBALANCER_KAFKA_URL"].rpartition(":")[2]) == network.KAFKA_PORT
    for workload in WORKLOADS:
        assert workload.labels[KAFKA_LABEL] == "true"
        assert (DATABASE_LABEL in workload.labels) == workload.has_database


def test_the_stores_here_are_those_of_the_operators() -> None:
    policies = objects("overlays/production", "NetworkPolicy")
    kafka = objects("overlays/strimzi", "Kafka")[stores.CLUSTER]
    assert SETTINGS["REBALANCER_KAFKA_URL"].startswith(f"{stores.CLUSTER}-kafka-bootstrap:")
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    assert listener["port"] == network.KAFKA_PORT
    for name, label, value in (
        ("to-kafka", "strimzi.io/cluster", stores.CLUSTER),
        ("to-postgres", "cnpg.io/cluster", "rebalancer-postgres"),
    ):
        (rule,) = policies[name]["spec"]["egress"]
        assert rule["to"] == [{"podSelector": {"matchLabels": {label: value}}}]
    assert "rebalancer-postgres" in objects("overlays/cloudnative-pg", "Cluster")


def test_workers_are_scaled_by_the_lag_of_their_own_group_and_topics_up_to_the_partitions() -> None:
    layout = stores.layout_of(SETTINGS)
    for name, made in objects("overlays/keda", "ScaledObject").items():
        read = worker_groups()[f"rebalancer-{name}"]
        spec = made["spec"]
        assert spec["scaleTargetRef"] == {"name": name}
        asked = [trigger["metadata"] for trigger in spec["triggers"]]
        wanted = [topic.name for topic in TOPICS if topic.name in set(read) and partitions_of(topic, layout) > 1]
        assert sorted(trigger["topic"] for trigger in asked) == sorted(wanted)
        assert {trigger["consumerGroup"] for trigger in asked} == {f"rebalancer-{name}"}
        assert spec["maxReplicaCount"] == layout.partitions == 12
        assert "replicas" not in objects("overlays/keda", "Deployment")[name]["spec"]
    assert set(objects("overlays/keda", "ScaledObject")) == set(SCALED)


def test_all_replicas_together_fit_the_sessions_of_the_database() -> None:
    """With every worker at its most replicas."""
    most = {name: made["spec"]["maxReplicaCount"] for name, made in objects("overlays/keda", "ScaledObject").items()}
    beside = {"taxlot": load_lock.SESSIONS, "batch": relay.SESSIONS + watch.SESSIONS}
    total = 0
    for workload in WORKLOADS:
        fields = settings_class(workload).model_fields
        pools = [fields[name].default for name in POOLS if name in fields]
        pools += [auditor.SESSIONS] if workload.name == "auditor" else []
        surge = 0 if workload.is_worker else 1
        total += (most.get(workload.name, workload.replicas) + surge) * (sum(pools) + beside.get(workload.name, 0))
    cluster = objects("overlays/cloudnative-pg", "Cluster")["rebalancer-postgres"]
    parameters = cluster["spec"]["postgresql"]["parameters"]
    assert total + RESERVE <= int(parameters["max_connections"]), total
    for name, value in postgres.SETTINGS.items():
        if name in {"jit", "work_mem", "password_encryption"}:
            assert parameters[name] == value


def test_topics_of_the_operator_are_those_that_the_command_would_make() -> None:
    layout = stores.layout_of(SETTINGS)
    made = objects("overlays/strimzi", "KafkaTopic")
    assert made.keys() == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        spec = made[topic.name]["spec"]
        assert {name: str(value) for name, value in spec["config"].items()} == configuration_of(topic, layout)
        assert (spec["partitions"], spec["replicas"]) == (partitions_of(topic, layout), layout.replication)
    config = objects("overlays/strimzi", "Kafka")[stores.CLUSTER]["spec"]["kafka"]["config"]
    assert config["message.max.bytes"] >= max(topic.max_message_bytes for topic in TOPICS)
    assert config["auto.create.topics.enable"] is False
    pool = objects("overlays/strimzi", "KafkaNodePool")["brokers"]["spec"]
    assert pool["replicas"] >= layout.replication


def test_scraped_is_what_alerts_and_dashboards_name() -> None:
    (monitor,) = objects("overlays/prometheus", "PodMonitor").values()
    job = yaml.safe_load((CHECKOUT / "deploy/docker/prometheus.yml").read_text())["scrape_configs"][0]["job_name"]
    for pod in pods("base").values():
        assert pod["metadata"]["labels"][monitor["spec"]["jobLabel"]] == job
    (rules,) = objects("overlays/prometheus", "PrometheusRule").values()
    assert rules["spec"] == yaml.safe_load(scaling.RULES.read_text())
