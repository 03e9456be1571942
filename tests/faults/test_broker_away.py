"""The broker away for a while, in order: work is waited with, quietly, and goes on when it is back."""

import re

import pytest

from deploy.client import StackClient
from deploy.stack import Stack
from tests.faults.harness import Figures, all_back, figures_after
from tests.waiting import until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(420)]
SERVICES = ("analyzer", "taxlot", "proposer", "batch", "gateway")


def test_an_outage_is_waited_for_quietly(hurt_stack: Stack, client: StackClient, undisturbed: Figures) -> None:
    """What a log holds back it counts, every ten seconds: the first such count says how often its clients asked.

    Batch has six, each asking some twenty times a second; the storm that is to be ruled out was a hundred thousand.
    """
    accounts = all_back(client, undisturbed)
    written = {name: _lines(hurt_stack, name) for name in SERVICES}
    hurt_stack.halt("kafka")
    batch = client.propose(accounts)
    held_back = until(lambda: _held_back(hurt_stack, "batch", written["batch"]), within_s=90)
    assert max(held_back) < 5_000, held_back
    more = {name: _lines(hurt_stack, name) - written[name] for name in SERVICES}
    assert max(more.values()) < 300, more
    assert client.batch(batch["batch_id"])["status"] == "WORKING"
    hurt_stack.resume("kafka")
    hurt_stack.wait_ready()
    assert figures_after(client, batch["batch_id"]) == undisturbed


def _lines(stack: Stack, name: str) -> int:
    return len((stack.layout.logs / f"{name}.log").read_text().splitlines())


def _held_back(stack: Stack, name: str, after: int) -> list[int]:
    lines = (stack.layout.logs / f"{name}.log").read_text().splitlines()[after:]
    return [int(count) for line in lines for count in re.findall(r'"suppressed":(\d+)', line)]
