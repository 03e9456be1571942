"""A migration of a table in use: nobody waits behind it for long, and it is done when the table is free."""

import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from shared.postgres import migrations
from shared.postgres.pool import MIGRATION
from tests.waiting import until

pytestmark = pytest.mark.integration
BEFORE = "0003"  # the next revision of taxlot alters `file`


def test_who_uses_a_table_never_waits_long_behind_a_migration(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    sleep: Callable[[float], None] = time.sleep

    def pause(pause_s: float) -> None:
        pauses.append(pause_s)
        sleep(0.05)

    migrations.migrate("taxlot", database_url, BEFORE)
    monkeypatch.setattr("shared.postgres.migrations.time.sleep", pause)
    migrating = threading.Thread(target=migrations.migrate, args=("taxlot", database_url))
    with psycopg.connect(database_url) as user, psycopg.connect(database_url, autocommit=True) as other:
        user.execute("SELECT count(*) FROM taxlot.file")  # a transaction that goes on
        migrating.start()
        longest_s = 0.0
        while len(pauses) < 2:
            began_s = time.monotonic()
            other.execute("SELECT count(*) FROM taxlot.file")
            longest_s = max(longest_s, time.monotonic() - began_s)
        assert longest_s < MIGRATION.lock_s + 3
        columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'file' AND column_name = 'rights'"
        assert other.execute(columns).fetchone() == (0,), "an attempt that fails leaves nothing"
        user.rollback()
        until(lambda: other.execute(columns).fetchone(), lambda found: found == (1,))
    migrating.join(60)
    assert not migrating.is_alive()
