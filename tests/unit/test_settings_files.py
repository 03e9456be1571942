"""Settings from files, as containers are given their secrets."""

from pathlib import Path

import pytest

from services.gateway.oidc.provider import Client
from shared.runtime.settings import DatabaseSettings

URL = "postgresql://somebody@server/database"


def test_a_file_gives_what_the_environment_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rebalancer_database_url").write_text(f"{URL}\n")
    (tmp_path / "rebalancer_kafka_url").write_text("other:1")
    monkeypatch.setenv("REBALANCER_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("REBALANCER_KAFKA_URL", "broker:9092")
    monkeypatch.setenv("REBALANCER_HTTP_PORT", "1")
    settings = DatabaseSettings()
    assert (settings.database_url, settings.kafka_url) == (URL, "broker:9092")


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("http://127.0.0.1:8401/token", "http://issuer:8401/token"),
        ("http://127.0.0.1:84019/token", "http://127.0.0.1:84019/token"),
        ("https://elsewhere.test/jwks", "https://elsewhere.test/jwks"),
    ],
)
def test_what_the_issuer_names_is_reached_at_its_other_address(address: str, reached: str) -> None:
    client = Client("http://127.0.0.1:8401", "us", "secret", "http://127.0.0.1/back", "http://issuer:8401/")
    assert client.reached_at(address) == reached
    assert Client("http://127.0.0.1:8401", "us", "secret", "http://127.0.0.1/back").reached_at(address) == address
