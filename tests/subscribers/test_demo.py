"""`make subscriber-demo`: the example subscriber on a broker, shown a line an event."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import subscriber_demo
from deploy.sample_events import SAMPLE
from deploy.stack.layout import CHECKOUT
from examples.subscribers import contract
from tests.waiting import aside

PREFIX = "subscriber-demo."


@pytest.mark.fast
def test_lines_are_cut_to_a_screen_and_end_with_the_last_effect_that_was_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = ["passed over a: a duplicate\n", f"acted on a: {'x' * 300}\n", "acted on b: {}\n", "acted on c: {}\n"]
    assert subscriber_demo.show(lines, 2)
    shown = capsys.readouterr().out.splitlines()
    assert [line[:10] for line in shown] == ["passed ove", "acted on a", "acted on b"]
    assert len(shown[1]) == subscriber_demo.WIDEST
    assert not subscriber_demo.show(lines, 4)


@pytest.mark.fast
def test_without_a_stack_it_says_what_to_do(tmp_path: Path) -> None:
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = demo(bare)
    assert done.returncode == 2
    assert "make subscriber-demo" in done.stderr


@pytest.mark.integration
def test_it_shows_the_orders_and_flags_that_a_broker_holds(kafka_url: str) -> None:
    sample = contract.read(SAMPLE)
    aside(contract.make_topics(kafka_url, {PREFIX + event.topic for event in sample}))
    aside(contract.publish(kafka_url, PREFIX, sample))
    # Which topic is read first is chance: it is shown all of them.
    effects = str(len({event.identity for event in sample}))
    done = demo({**os.environ, "REBALANCER_KAFKA_URL": kafka_url, "TOPIC_PREFIX": PREFIX}, "--first", effects)
    assert done.returncode == 0, done.stderr
    assert "acted on rebalancer.orders.v1 acct-1002" in done.stdout
    assert "acted on rebalancer.account-flag.v1 acct-1001" in done.stdout


def demo(env: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deploy.subscriber_demo", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False)
