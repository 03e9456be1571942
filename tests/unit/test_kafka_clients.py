"""Every client of Kafka is made with `client_options`, so that none forgets TLS, user and password."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.certificates import issue
from deploy.stack.layout import CHECKOUT
from shared.kafka.access import refusals
from shared.kafka.connection import client_options
from shared.kafka.faust_transport import worker_options
from shared.runtime.broker import SecuredBroker
from shared.runtime.settings import KafkaSettings
from tests.unit.source_files import python_files

pytestmark = pytest.mark.fast
CLIENTS = {"AIOKafkaConsumer", "AIOKafkaProducer", "AIOKafkaAdminClient", "AIOKafkaClient", "create_conn", "App"}
MAKERS = {"client_options", "security_options", "worker_options"}
KNOWS_THE_ADDRESS = {"shared/runtime/settings.py", "deploy/kubernetes/scaling.py"}
"""The settings themselves, and a manifest that names it to a scaler."""


def clients(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that make a client."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            of_faust = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "faust"
            if name in CLIENTS - {"App"} or (name == "App" and of_faust):
                yield node


def is_made_right(call: ast.Call) -> bool:
    """Say whether the call takes all of what one of the makers returns."""
    spread = [word.value for word in call.keywords if word.arg is None]
    return any(isinstance(value, ast.Call) and getattr(value.func, "id", "") in MAKERS for value in spread)


def test_no_client_is_made_without_the_options() -> None:
    found = {
        (path.relative_to(CHECKOUT), call.lineno): is_made_right(call)
        for path in python_files("services", "shared", "deploy")
        for call in clients(ast.parse(path.read_text()))
    }
    assert len(found) > 10, "the clients are not found any more"
    assert not [f"{path}:{line}" for (path, line), right in found.items() if not right]


def test_a_client_made_otherwise_is_found() -> None:
    tree = ast.parse("AIOKafkaProducer(bootstrap_servers=url)\nfaust.App('x', broker=url)\nhttp.App()")
    assert [is_made_right(call) for call in clients(tree)] == [False, False]


def test_nothing_reads_the_address_alone() -> None:
    def reads(path: Path) -> bool:
        nodes = ast.walk(ast.parse(path.read_text()))
        return any(isinstance(node, ast.Attribute) and node.attr == "kafka_url" for node in nodes)

    files = [str(path.relative_to(CHECKOUT)) for path in python_files("services", "shared", "deploy") if reads(path)]
    assert set(files) <= KNOWS_THE_ADDRESS


def test_what_clients_are_made_with(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(issue("kafka", ["localhost"]).authority)
    assert client_options("b:1,c:2") == {"bootstrap_servers": "b:1,c:2"}
    assert worker_options("b:1") == {"broker": "aiokafka://b:1"}

    secured = SecuredBroker("b:1", ca_file, "batch", "word")
    made = client_options(secured)
    tls = made.pop("ssl_context")
    assert tls.check_hostname
    assert [tls.cert_store_stats()[kind] for kind in ("x509", "x509_ca")] == [1, 1], "only this authority is trusted"
    assert made == {
        "bootstrap_servers": "b:1", "security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "batch", "sasl_plain_password": "word",  # pragma: allowlist secret
    }  # fmt: skip
    credentials = worker_options(secured)["broker_credentials"]
    assert (credentials.protocol.value, credentials.mechanism.value) == ("SASL_SSL", "SCRAM-SHA-512")
    assert "word" not in repr(secured)
    assert client_options(replace(secured, mechanism="PLAIN"))["sasl_mechanism"] == "PLAIN"


async def test_a_missing_file_of_the_authority_is_named(tmp_path: Path) -> None:
    found = await refusals(SecuredBroker("127.0.0.1:1", tmp_path / "none", "batch", "word"))
    assert found.connection == ["the file that REBALANCER_KAFKA_CA_FILE names is not there"]


def test_settings_say_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text("")
    assert KafkaSettings(kafka_url="b:1").broker == "b:1"
    with pytest.raises(ValidationError, match="needs REBALANCER_KAFKA_CA_FILE, REBALANCER_KAFKA_USER"):
        KafkaSettings(kafka_url="b:1", kafka_security="SASL_SSL")

    (tmp_path / "rebalancer_kafka_password").write_text("of a file")
    monkeypatch.setenv("REBALANCER_SECRETS_DIR", str(tmp_path))
    settings = KafkaSettings(kafka_url="b:1", kafka_security="SASL_SSL", kafka_ca_file=ca_file, kafka_user="batch")
    assert settings.broker == SecuredBroker("b:1", ca_file, "batch", "of a file")
    assert "of a file" not in repr(settings)
