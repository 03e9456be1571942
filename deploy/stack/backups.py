"""Backups of the stack's database, and the restore of one to any moment since it was taken: base backup and archive.

docs/restore.md says what has to be done around a restore, here and elsewhere.  Backup and archive lie beside the
database files; an installation keeps them on other disks.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from deploy.stack import postgres
from deploy.stack.errors import StackError
from deploy.stack.layout import Layout, credentials, database_user
from deploy.stack.stack import POLL_S, Stack

PATIENCE_S = 300.0
_RECOVERY = ("restore_command", "recovery_target_time", "recovery_target_action")


def take(stack: Stack) -> datetime:
    """Take a base backup in place of the former one, and return from when on every moment can be restored.

    The first one has the server archive what it writes, for which it is started again.  Raises StackError when the copy
    fails.
    """
    _begin_archive(stack)
    fresh, kept = _home(stack.layout, "backup.new"), _home(stack.layout, "backup")
    postgres.copy(stack.layout, fresh.name, stack.addresses.ports[postgres.FIRST], _password(stack), follows=False)
    shutil.rmtree(kept, ignore_errors=True)
    fresh.rename(kept)
    return datetime.now(UTC)


def restore(stack: Stack, at: datetime) -> None:
    """Bring the database to the moment `at` by the machine's clock; programs are stopped and stay so.

    The files of before are kept as `data.before` until the next restore.  Raises StackError without a backup, with a
    second server that runs, or when the moment is not reached; then the server's log says why.
    """
    kept, data = _home(stack.layout, "backup"), _home(stack.layout, "data")
    if not kept.exists():
        raise StackError("there is no backup: `make backup` takes one")
    if any(server != postgres.FIRST and stack.status(server)[server]["pid"] for server in stack.servers):
        raise StackError("halt the second server first; it is made a copy again afterwards")
    stack.halt(*stack.services)
    _archive_all(stack)
    stack.halt(postgres.FIRST)
    former = _home(stack.layout, "data.before")
    shutil.rmtree(former, ignore_errors=True)
    data.rename(former)
    subprocess.run(["cp", "-a", str(kept), str(data)], check=True, **credentials(database_user()))
    _ask_for(data, _home(stack.layout, "archive"), at)
    stack.resume(postgres.FIRST)
    stack.wait_ready(postgres.FIRST)
    with _session(stack) as connection:
        in_recovery = "SELECT pg_is_in_recovery()"
        _until(stack, lambda: connection.execute(in_recovery).fetchone() == (False,), "the server leads")
        for setting in _RECOVERY:
            connection.execute(f"ALTER SYSTEM RESET {setting}".encode())


def end_archive(stack: Stack) -> None:
    """Have the server archive nothing any more and delete backup and archive; it is started again for that."""
    with _session(stack) as connection:
        for setting in ("archive_mode", "archive_command"):
            connection.execute(f"ALTER SYSTEM RESET {setting}".encode())
    stack.restart(postgres.FIRST)
    stack.wait_ready(postgres.FIRST)
    for name in ("archive", "backup", "data.before"):
        shutil.rmtree(_home(stack.layout, name), ignore_errors=True)


def _begin_archive(stack: Stack) -> None:
    folder = _home(stack.layout, "archive")
    if not folder.exists():
        folder.mkdir(mode=0o700)
        _give_away(folder, stack.layout.postgres_home)
    with _session(stack) as connection:
        if connection.execute("SHOW archive_mode").fetchone() == ("on",):
            return
        command = f"test ! -f {folder}/%f && cp %p {folder}/%f"
        connection.execute("ALTER SYSTEM SET archive_mode = 'on'")
        connection.execute(f"ALTER SYSTEM SET archive_command = '{command}'".encode())
    stack.restart(postgres.FIRST)
    stack.wait_ready(postgres.FIRST)


def _archive_all(stack: Stack) -> None:
    """Have everything that was committed archived.  A server that is gone for good leaves what it archived before."""
    if not stack.status(postgres.FIRST)[postgres.FIRST]["answers"]:
        return
    with _session(stack) as connection:
        connection.execute("SELECT pg_current_xact_id()")  # a commit behind every moment that may be asked for
        newest = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
    file = _home(stack.layout, "archive") / str(newest and newest[0])
    _until(stack, file.exists, f"{file} is archived")


def _ask_for(data: Path, archive: Path, at: datetime) -> None:
    """Have the server bring these files to a moment at its next start, and serve from there."""
    wanted = (f"cp {archive}/%f %p", at.astimezone(UTC).isoformat(), "promote")
    lines = [f"{setting} = '{value}'\n" for setting, value in zip(_RECOVERY, wanted, strict=True)]
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.writelines(lines)
    (data / "recovery.signal").touch(mode=0o600)
    _give_away(data / "recovery.signal", data)


def _until(stack: Stack, holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise StackError(f"not within {PATIENCE_S:.0f} s: {what}\n{stack.log_tail(postgres.FIRST)}")
        time.sleep(POLL_S)


def _session(stack: Stack) -> psycopg.Connection:
    limit = f"-c statement_timeout={PATIENCE_S:.0f}s"
    return psycopg.connect(stack.addresses.server(postgres.FIRST), autocommit=True, connect_timeout=5, options=limit)


def _home(layout: Layout, name: str) -> Path:
    return layout.postgres_home / name


def _password(stack: Stack) -> str:
    return stack.addresses.secrets["admin_password"]


def _give_away(path: Path, as_owned: Path) -> None:
    """Give a file to whoever owns another one: the server does not run as root."""
    owner = as_owned.stat()
    os.chown(path, owner.st_uid, owner.st_gid)
