"""The compiled kernels of one service: made once on a machine, loaded by every process; who waits says what for.

`make up`, `make test` and the benchmarks make them before anything starts (`python -m deploy.kernels`).  A service that
finds them missing all the same makes them itself, one process at a time, and says so in its log and at /readyz.
"""

import contextlib
import fcntl
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

Warm = Callable[[], None]  # runs every kernel of a service once, on next to nothing
Tell = Callable[[str], None]
_LOOK_S: Final = 0.2
_SAY_EVERY_S: Final = 5.0
_KEPT_S: Final = 30 * 86_400.0
_log = log.get(__name__)


def load(warm: Warm, service: str, settings: ServiceSettings) -> None:
    """Load a service's kernels before it starts; while they have to be compiled, say so in its log and at /readyz."""
    if compiled.PLAIN or _mark(warm).exists():
        warm()
        return
    log.configure(service, settings.log_level)
    with _Waiting(settings.http_host, settings.http_port) as waiting:
        make([warm], waiting.tell)


def make(warms: Sequence[Warm], tell: Tell) -> None:
    """Run each warm-up, compiling what is not kept yet; `tell` hears of every kernel that is compiled.

    Of several processes one compiles and the others wait: nothing is compiled twice.
    """
    if compiled.PLAIN:
        return
    with _alone(tell), _heard(tell):
        for warm in warms:
            warm()
            with contextlib.suppress(OSError):
                _mark(warm).touch()
        _forget_old()


def made(file: Path) -> bool:
    """Return whether all kernels of the warm-up in `file` are kept, without loading anything."""
    return _mark_of(file).exists()


def _mark(warm: Warm) -> Path:
    return _mark_of(Path(warm.__code__.co_filename))


@cache
def _mark_of(file: Path) -> Path:
    """Return the file that says: everything that is reached from this warm-up is compiled, for this processor."""
    name = f"{content_key(file.resolve())} {sys.version} {_processor()}"
    return kernel_home() / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.made"


def _processor() -> str:
    """Return what the compiled form depends on of the machine: the first processor's model and abilities."""
    wanted = ("model name", "flags", "CPU part", "Features")
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return " ".join(os.uname())
    return "\n".join(line for line in text.split("\n\n")[0].splitlines() if line.startswith(wanted))


@contextlib.contextmanager
def _alone(tell: Tell) -> Iterator[None]:
    """Hold the machine's one right to compile; without a folder to write to there is nothing to share."""
    home = kernel_home()
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (home / "lock").open("a")
    except OSError as error:
        tell(f"compiled kernels cannot be kept: {error}")
        yield
        return
    with file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    tell("waiting for another process that compiles kernels")
                told = True
                time.sleep(_LOOK_S)
        yield


@contextlib.contextmanager
def _heard(tell: Tell) -> Iterator[None]:
    """Tell of every kernel as soon as it is compiled: n of N, which one, seconds since the beginning."""
    from numba.core import event

    started = time.monotonic()

    class Listener(event.Listener):
        def on_start(self, event: Any) -> None:
            kernel = event.data["dispatcher"]
            if kernel in compiled.KERNELS:
                done = sum(1 for one in compiled.KERNELS if one.signatures)
                name = f"{kernel.py_func.__module__}.{kernel.py_func.__name__}".removeprefix("services.")
                took = f"{time.monotonic() - started:.0f} s"
                tell(f"compiling kernels: {done} of {len(compiled.KERNELS)}, {name}, {took}")

        def on_end(self, event: Any) -> None:
            """What has been compiled is counted when the next one begins."""

    with event.install_listener("numba:compile", Listener()):
        yield


def _forget_old() -> None:
    """Delete compiled forms that no process has loaded for a month."""
    for entry in kernel_home().iterdir():
        with contextlib.suppress(OSError):
            if time.time() - entry.stat().st_mtime > _KEPT_S:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


class _Waiting:
    """Answers /readyz in a service's place until its kernels are there, and writes a line now and then."""

    def __init__(self, host: str, port: int) -> None:
        waiting = self
        self.reason = "compiling kernels"
        self._said = 0.0

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                alive = self.path == "/healthz"
                told = {"status": "alive"} if alive else {"ready": False, "waiting_for": [waiting.reason]}
                body = json.dumps(told).encode()
                self.send_response(200 if alive else 503)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words: object) -> None:
                """Leave the log to the service."""

        self._server = ThreadingHTTPServer((host, port), Answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_LOOK_S,), daemon=True)

    def tell(self, reason: str) -> None:
        """Take a new reason; write it when the last line is some seconds old."""
        self.reason = reason
        if time.monotonic() - self._said >= _SAY_EVERY_S:
            self._said = time.monotonic()
            _log.info("service.waits", waiting_for=reason)

    def __enter__(self) -> "_Waiting":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
