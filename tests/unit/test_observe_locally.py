"""`make observe`: Prometheus sees every process of the stack, and where it is missing a sentence says so."""

import shutil
from pathlib import Path

import pytest

from deploy.observe import local
from deploy.stack import ports, table
from deploy.stack.errors import StackError
from deploy.stack.layout import Layout

pytestmark = pytest.mark.fast


def _addresses(folder: Path) -> table.Addresses:
    return table.Addresses(Layout(folder), ports.PREFERRED, {})


def test_every_process_that_exports_metrics_is_scraped_at_its_probes(tmp_path: Path) -> None:
    (job,) = local.config(_addresses(tmp_path))["scrape_configs"]
    found = {entry["labels"]["instance"]: entry["targets"] for entry in job["static_configs"]}
    assert set(found) == set(table.SERVICES) - {"issuer"}
    assert found["gateway"] == [f"127.0.0.1:{ports.PREFERRED['gateway-probes']}"], "not the public port"
    assert local.PORT not in ports.PREFERRED.values()


def test_without_prometheus_a_sentence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(StackError, match="apt-get install prometheus"):
        local.observe(tmp_path)


def test_without_a_stack_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: "/bin/false")
    with pytest.raises(StackError, match="make up"):
        local.observe(tmp_path / "state")
