"""The compiled kernels of a service: compiled once per machine, loaded by every process.

`make up`, `make test` and the benchmarks compile them before anything starts (`python -m deploy.kernels`).  A service
that finds them missing compiles them itself, one process at a time, and reports that in its log and at /readyz.
"""

import contextlib
import fcntl
import gc
import hashlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from shared.fixed_point import compiled
from shared.fixed_point.source_digest import content_key, kernel_home
from shared.runtime import log
from shared.runtime.settings import ServiceSettings

Warm = Callable[[], None]
"""Runs every kernel of a service once, on minimal input."""
Report = Callable[[str], None]
"""Takes a sentence about what the process is waiting for."""
_LOOK_S: Final = 0.2
_LOG_EVERY_S: Final = 5.0
_KEPT_S: Final = 30 * 86_400.0
_ALLOCATED: Final = 50_000  # objects between two searches while compiling; with 700 they take a tenth of the time
_log = log.get(__name__)


def load(warm: Warm, service: str, settings: ServiceSettings) -> None:
    """Load a service's kernels before it starts; while they are compiled, report it in its log and at /readyz."""
    if compiled.PLAIN or _mark(warm).exists():
        warm()
        return
    log.configure(service, settings.log_level)
    with _Waiting(settings.http_host, settings.http_port) as waiting:
        compile_all([warm], waiting.report)


def compile_all(warms: Sequence[Warm], report: Report) -> None:
    """Run each warm-up, which compiles what is not cached; report every kernel that is compiled.

    Of several processes one compiles and the others wait, so that nothing is compiled twice.
    """
    if compiled.PLAIN:
        return
    with _compile_lock(report), _reported(report), _rare_collections():
        for warm in warms:
            warm()
            with contextlib.suppress(OSError):
                _mark(warm).touch()
        _delete_unused()


def are_compiled(file: Path) -> bool:
    """Say whether all kernels of the warm-up in `file` are cached, without loading anything."""
    return _mark_of(file).exists()


def _mark(warm: Warm) -> Path:
    return _mark_of(Path(warm.__code__.co_filename))


@cache
def _mark_of(file: Path) -> Path:
    """Return the file whose existence means: all code reached from this warm-up is compiled for this processor."""
    name = f"{content_key(file.resolve())} {sys.version} {_processor()}"
    return kernel_home() / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.made"


def _processor() -> str:
    """Return what compiled code depends on: model and features of the first processor."""
    wanted = ("model name", "flags", "CPU part", "Features")
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return " ".join(os.uname())
    return "\n".join(line for line in text.split("\n\n")[0].splitlines() if line.startswith(wanted))


@contextlib.contextmanager
def _compile_lock(report: Report) -> Iterator[None]:
    """Hold the machine's lock for compiling; without a writable cache there is nothing to share."""
    home = kernel_home()
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (home / "lock").open("a")
    except OSError as error:
        report(f"compiled kernels cannot be kept: {error}")
        yield
        return
    with file:
        has_reported = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not has_reported:
                    report("waiting for another process that compiles kernels")
                has_reported = True
                time.sleep(_LOOK_S)
        yield


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Search for garbage in cycles rarely: compiling allocates much that lives on, and each search covers all of it."""
    usual = gc.get_threshold()
    gc.set_threshold(_ALLOCATED, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@contextlib.contextmanager
def _reported(report: Report) -> Iterator[None]:
    """Report every kernel when its compilation starts: how many are done, its name, seconds since the start."""
    from numba.core import event

    started = time.monotonic()

    class Listener(event.Listener):
        def on_start(self, event: Any) -> None:
            kernel = event.data["dispatcher"]
            if kernel in compiled.KERNELS:
                done = sum(1 for dispatcher in compiled.KERNELS if dispatcher.signatures)
                name = f"{kernel.py_func.__module__}.{kernel.py_func.__name__}".removeprefix("services.")
                took = f"{time.monotonic() - started:.0f} s"
                report(f"compiling kernels: {done} of {len(compiled.KERNELS)}, {name}, {took}")

        def on_end(self, event: Any) -> None:
            """Do nothing: finished kernels are counted when the next one starts."""

    with event.install_listener("numba:compile", Listener()):
        yield


def _delete_unused() -> None:
    """Delete cached code that no process has loaded for a month."""
    for entry in kernel_home().iterdir():
        with contextlib.suppress(OSError):
            if time.time() - entry.stat().st_mtime > _KEPT_S:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


class _Waiting:
    """Serves /healthz and /readyz for a service until its kernels are there, and logs progress now and then."""

    def __init__(self, host: str, port: int) -> None:
        waiting = self
        self.reason = "compiling kernels"
        self._logged_s = 0.0

        class ProbeHandler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                alive = self.path == "/healthz"
                content = {"status": "alive"} if alive else {"ready": False, "waiting_for": [waiting.reason]}
                body = json.dumps(content).encode()
                self.send_response(200 if alive else 503)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Do nothing: the service logs its progress itself."""

        self._server = ThreadingHTTPServer((host, port), ProbeHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_LOOK_S,), daemon=True)

    def report(self, reason: str) -> None:
        """Take a new reason; log it if the last line is some seconds old."""
        self.reason = reason
        if time.monotonic() - self._logged_s >= _LOG_EVERY_S:
            self._logged_s = time.monotonic()
            _log.info("service.waits", waiting_for=reason)

    def __enter__(self) -> "_Waiting":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
