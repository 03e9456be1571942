"""Every query of every dashboard names what is exported, and every metric is on some dashboard."""

import json
import re
from typing import Any

import pytest

from deploy.observe import dashboards, promql, rules
from deploy.observe.dashboards import DASHBOARDS, Dashboard
from deploy.stack.layout import CHECKOUT
from shared.runtime.metric_kinds import CATALOGUE

pytestmark = pytest.mark.fast
FOLDER = CHECKOUT / "deploy" / "docker" / "grafana" / "dashboards"
ADDED, KNOWN = rules.ADDED, rules.known()
QUERIES = [(board, panel, query) for board in DASHBOARDS for panel in board.panels for query in panel.queries]


@pytest.mark.parametrize(
    ("expression", "legend"), [query for _, _, query in QUERIES], ids=[f"{b.name} {p.title}" for b, p, _ in QUERIES]
)
def test_a_query_names_only_what_is_exported_and_its_legend_only_labels_it_keeps(expression: str, legend: str) -> None:
    assert promql.faults(expression, KNOWN, ADDED) == []
    assert set(re.findall(r"{{(\w+)}}", legend)) <= promql.names(expression).grouped


def test_every_metric_and_every_alerting_series_is_on_a_dashboard() -> None:
    shown = {name for _, _, (expression, _) in QUERIES for name, _ in promql.names(expression).series}
    missing = [metric.name for metric in CATALOGUE.values() if not shown & set(metric.series)]
    assert not missing, f"{missing}: a metric that nobody can see"


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.name)
def test_a_dashboard_is_whole(board: Dashboard) -> None:
    content: dict[str, Any] = json.loads(dashboards.rendered()[f"{board.name}.json"])
    assert content["uid"] == f"rebalancer-{board.name}"
    spots = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in content["panels"]]
    assert len(set(spots)) == len(spots) >= 6
    assert all(panel["title"] and panel["fieldConfig"]["defaults"]["unit"] for panel in content["panels"])
    for panel in content["panels"]:
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0


def test_no_other_dashboard_lies_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(dashboards.rendered())
