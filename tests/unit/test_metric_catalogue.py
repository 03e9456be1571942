"""The catalogue of metrics is the only source of metrics, its rules hold, and its page says what it says."""

import ast

import pytest
from prometheus_client import REGISTRY

from deploy.observe.__main__ import generated
from deploy.observe.objectives import OBJECTIVES, Objective
from deploy.stack.layout import CHECKOUT
from shared.runtime import metrics
from shared.runtime.metric_kinds import CATALOGUE, LABELS, DeclaredMetric, refusal
from tests.unit.source_files import python_files

pytestmark = pytest.mark.fast
KINDS = CHECKOUT / "shared" / "runtime" / "metric_kinds.py"
DECLARATIONS = CHECKOUT / "shared" / "runtime" / "metrics.py"
MAKERS = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}
DECLARERS = {"counter", "gauge", "histogram", "summary"}
FORBIDDEN = ("account", "advisor", "user", "batch", "trace", "span", "request", "subject", "enterprise", "id", "path")


def test_every_exported_metric_is_declared_and_every_declared_one_is_exported() -> None:
    exported = {family.name: family for family in REGISTRY.collect()}
    ours = {name for name in exported if name.startswith(("rebalancer_", "http_"))}
    assert ours == {name.removesuffix("_total") for name in CATALOGUE}
    objects = [value for value in vars(metrics).values() if hasattr(value, "describe") and not isinstance(value, type)]
    assert len(objects) == len(CATALOGUE), "each has a name in metrics.py"


def test_no_other_module_makes_a_metric() -> None:
    wrong = []
    for path in python_files("services", "shared", "deploy"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                names = {alias.name for alias in node.names}
                made = path != KINDS and (node.module or "").startswith("prometheus_client") and names & MAKERS
                declared = path != DECLARATIONS and (node.module or "").endswith("metric_kinds") and names & DECLARERS
                if made or declared:
                    wrong.append(f"{path.relative_to(CHECKOUT)}:{node.lineno} imports {sorted(names)}")
            elif isinstance(node, ast.Import) and any(a.name.startswith("prometheus_client") for a in node.names):
                wrong.append(f"{path.relative_to(CHECKOUT)}:{node.lineno} imports prometheus_client itself")
    assert not wrong, f"{wrong}: declare the metric in shared/runtime/metrics.py"


def test_no_label_is_an_id() -> None:
    wrong = [label for label in LABELS if any(word in FORBIDDEN for word in label.split("_"))]
    assert not wrong
    assert {label for metric in CATALOGUE.values() for label in metric.labels} == set(LABELS)


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        (DeclaredMetric("rebalancer_x", "gauge", "rows", ("account_id",), "X."), "account_id"),
        (DeclaredMetric("rebalancer_x", "gauge", "rows", ("batch_id", "topic"), "X."), "batch_id"),
        (DeclaredMetric("rebalancer_x", "counter", "rows", (), "X."), "_total"),
        (DeclaredMetric("rebalancer_x_total", "gauge", "rows", (), "X."), "_total"),
        (DeclaredMetric("rebalancer_x_ms", "gauge", "seconds", (), "X."), "_seconds"),
        (DeclaredMetric("rebalancer_x_seconds", "gauge", "unix seconds", (), "X."), "_timestamp_seconds"),
        (DeclaredMetric("rebalancer_x_seconds", "histogram", "seconds", (), "X.", (1.0, 0.5)), "ascend"),
        (DeclaredMetric("rebalancer_x", "gauge", "rows", (), "X"), "sentence"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_declaration_that_breaks_a_rule_is_refused(metric: DeclaredMetric, says: str) -> None:
    assert says in str(refusal(metric))


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.name)
def test_a_declared_metric_keeps_the_rules(metric: DeclaredMetric) -> None:
    assert refusal(metric) is None
    assert metric.kind != "histogram" or metric.edges


@pytest.mark.parametrize("objective", [o for o in OBJECTIVES if o.limit_s is not None], ids=lambda o: o.name)
def test_the_limit_of_an_objective_is_an_edge_and_the_last_edge_lies_beyond_an_incident(objective: Objective) -> None:
    edges = CATALOGUE[objective.metric].edges
    assert objective.limit_s in edges, "a share under a limit can be counted only where a bucket ends"
    assert edges[-1] >= 60


@pytest.mark.parametrize("path", generated(), ids=lambda path: path.name)
def test_what_is_generated_is_committed(path: object) -> None:
    contents = {str(name): text for name, text in generated().items()}
    assert (CHECKOUT / str(path)).read_text() == contents[str(path)], "run `make observe-files`"
