"""Alerts name only what is exported, and each has a page that says what to do."""

import re

import pytest
import yaml

from deploy.observe import promql, rules
from deploy.observe.causes import CAUSES, Cause
from deploy.observe.objectives import OBJECTIVES
from deploy.stack.layout import CHECKOUT

pytestmark = pytest.mark.fast
OBSERVE = CHECKOUT / "deploy" / "observe"
RUNBOOKS = CHECKOUT / rules.RUNBOOKS
SECTIONS = ["What it means", "How to look", "What to do", "How to tell it is over"]
ADDED, KNOWN = rules.ADDED, rules.known()


@pytest.mark.parametrize("expression", rules.expressions())
def test_an_expression_names_only_series_and_labels_that_are_exported(expression: str) -> None:
    assert promql.names(expression).series
    assert promql.faults(expression, KNOWN, ADDED) == []


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.alert)
def test_the_sentence_of_an_alert_names_only_labels_that_its_expression_leaves(cause: Cause) -> None:
    used = set(re.findall(r"\$labels\.(\w+)", cause.says))
    assert used <= promql.names(cause.expression).grouped | ADDED


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == rules.alerts()
    assert {cause.alert for cause in CAUSES} | {objective.alert for objective in OBJECTIVES} == rules.alerts()


@pytest.mark.parametrize("alert", sorted(rules.alerts()))
def test_a_page_says_what_it_means_how_to_look_what_to_do_and_when_it_is_over(alert: str) -> None:
    text = (RUNBOOKS / f"{alert}.md").read_text()
    assert text.startswith(f"# {alert}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    bodies = re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]
    assert all(len(body.strip()) > 10 for body in bodies)
    named = set(re.findall(r"\b(?:rebalancer|http_server)_\w+", text))
    stale = {name for name in named if name not in KNOWN}
    assert not stale, f"{alert}: no such metric {stale}"
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (RUNBOOKS / link).resolve().is_file(), f"{alert}: {link} is not there"


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("rebalancer_outbox_pendin > 1", "no series rebalancer_outbox_pendin"),
        ('rate(rebalancer_retries_total{tpoic="x"}[5m])', "rebalancer_retries_total has no label tpoic"),
        ("sum by (queue) (rebalancer_outbox_pending)", "grouped by queue"),
        ("sum(rebalancer_outbox_pending) by (batch_id)", "grouped by batch_id"),
        ("rebalancer_event_age_seconds > 5", "no series rebalancer_event_age_seconds"),
        ("up == 0 or on (topic) up", "grouped by topic"),
    ],
)
def test_a_misspelt_name_is_found(expression: str, says: str) -> None:
    assert any(fault.startswith(says) for fault in promql.faults(expression, KNOWN, ADDED))


def test_names_inside_texts_functions_and_windows_are_no_series() -> None:
    expression = (
        'histogram_quantile(0.9, sum by (le) (rate(a_bucket{x=~"b|c"}[5m] offset 1h))) > 1e3 and on (le) max(d)'
    )
    named = promql.names(expression)
    assert named.series == (("a_bucket", frozenset({"x"})), ("d", frozenset()))
    assert named.grouped == {"le"}
    with pytest.raises(promql.UnknownSyntax):
        promql.names("a ? b")


def test_the_rules_own_tests_have_every_alert_speak_and_be_silent() -> None:
    cases = [
        (case["alertname"], bool(case["exp_alerts"]))
        for file in OBSERVE.glob("*.test.yml")
        for group in yaml.safe_load(file.read_text())["tests"]
        for case in group.get("alert_rule_test", ())
    ]
    assert {alert for alert, speaks in cases if speaks} == rules.alerts()
    assert {alert for alert, speaks in cases if not speaks} == rules.alerts()
