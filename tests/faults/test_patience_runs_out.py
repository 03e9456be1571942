"""A fault of ours lasts longer than a guard is patient: processes end and are started again, until it is mended.

taxlot ends as a whole (75) and is started again with growing pauses; in batch the consumer alone stops and is begun
again.  When the schema is what the release needs, all is handled and nothing was put aside.
"""

import re
from itertools import pairwise

import psycopg
import pytest

from deploy.client import StackClient
from deploy.stack import Stack
from deploy.stack.keeper import HEALTHY_AFTER_S
from shared.kafka.processor import EXIT_TRY_AGAIN
from tests.faults.harness import Figures, all_back, count_dead_letters, figures_after
from tests.waiting import aside, until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(420)]
IMPATIENT = {"REBALANCER_RETRY_S": "1"}
TABLES = {"taxlot": ("taxlot.lots", "document"), "batch": ("batch.result_chunk", "value")}
ENDS = 2
ENDED = re.compile(r"taxlot died after ([\d.]+) s \(exit 75\), again in ([\d.]+) s")
BEGUN_AGAIN = "part.begins_again"


def test_processes_end_and_come_back_until_the_schema_is_mended_and_then_all_is_done(
    hurt_stack: Stack, client: StackClient, undisturbed: Figures
) -> None:
    accounts = all_back(client, undisturbed)
    before = aside(count_dead_letters(hurt_stack.addresses.kafka))
    hurt_stack.restart(*TABLES, env=IMPATIENT)
    hurt_stack.wait_ready(*TABLES)
    starts, written = hurt_stack.status("taxlot")["taxlot"]["starts"], len(_written(hurt_stack, "supervisor"))
    stops = _written(hurt_stack, "batch").count(BEGUN_AGAIN)
    try:
        for service in TABLES:
            rename(hurt_stack, service, is_behind=True)
        batch = client.propose(accounts)
        seen = until(
            lambda: hurt_stack.status("taxlot")["taxlot"], lambda now: now["starts"] >= starts + ENDS, within_s=120
        )
        assert seen["last_exit"] == EXIT_TRY_AGAIN
        rename(hurt_stack, "taxlot", is_behind=False)
        until(lambda: _written(hurt_stack, "batch").count(BEGUN_AGAIN), lambda times: times >= stops + ENDS)
        assert client.batch(batch["batch_id"])["status"] == "WORKING"
        rename(hurt_stack, "batch", is_behind=False)
        assert figures_after(client, batch["batch_id"]) == undisturbed
    finally:
        for service in TABLES:
            rename(hurt_stack, service, is_behind=False)
        hurt_stack.restart(*TABLES)
    hurt_stack.wait_ready()
    assert aside(count_dead_letters(hurt_stack.addresses.kafka)) == before
    ends = [
        (float(lived), float(pause)) for lived, pause in ENDED.findall(_written(hurt_stack, "supervisor")[written:])
    ]
    assert len(ends) >= ENDS
    for (_, pause_s), (lived_s, next_s) in pairwise(ends):
        assert next_s == 2 * pause_s or lived_s >= HEALTHY_AFTER_S


def rename(stack: Stack, service: str, *, is_behind: bool) -> None:
    """Let the service's schema be one migration behind, or what the release needs; nothing happens where it is so."""
    table, column = TABLES[service]
    names = [column, f"{column}_of_the_next_release"]
    with psycopg.connect(stack.addresses.admin_database("rebalancer"), autocommit=True) as connection:
        query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attname = ANY(%s)"
        ((present,),) = connection.execute(query, [table, names]).fetchall()
        if present != names[is_behind]:
            connection.execute(f"ALTER TABLE {table} RENAME COLUMN {present} TO {names[is_behind]}".encode())


def _written(stack: Stack, name: str) -> str:
    return (stack.layout.logs / f"{name}.log").read_text()
