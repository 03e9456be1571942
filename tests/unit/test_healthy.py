"""The health check of a container: it ends a process that only a new start helps, and no other."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy import healthy
from deploy.processor_time import BUSY_SHARE, busy_s
from tests.waiting import until

IDLE = "import signal; print('here', flush=True); signal.pause()"
COMPUTING = "print('here', flush=True)\nwhile True: pass"


@pytest.fixture
def process() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start programs that are up once they have printed a line."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str) -> subprocess.Popen[str]:
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        started.append(child)
        assert child.stdout is not None
        child.stdout.readline()
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


@pytest.fixture
def statuses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, int]]:
    """A server whose answers the test chooses by path; an address without one does not answer."""
    chosen: dict[str, int] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path in chosen:
                self.send_response(chosen[self.path])
                self.end_headers()
                self.wfile.write(f"{self.path} says so".encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    monkeypatch.setenv("REBALANCER_HTTP_PORT", str(server.server_port))
    monkeypatch.delenv("REBALANCER_PROBE_PORT", raising=False)
    for name in ("ANSWERED", "SILENT", "INIT_CHILDREN"):
        monkeypatch.setattr(healthy, name, tmp_path / name)
    yield chosen
    server.shutdown()
    server.server_close()


def of_container(child: subprocess.Popen[str]) -> None:
    healthy.INIT_CHILDREN.write_text(f"{child.pid} 4711")


def silent_for(seconds: float) -> int:
    """Check once, as if the process had been silent for so long already."""
    since, used_s = map(float, healthy.SILENT.read_text().split())
    healthy.SILENT.write_text(f"{since - seconds} {used_s}")
    return healthy.main()


def test_a_ready_process_is_left_alone(statuses: dict[str, int]) -> None:
    statuses["/readyz"] = 200
    assert healthy.main() == 0


def test_one_that_is_alive_and_waits_is_left_alone(
    statuses: dict[str, int], process: Callable[[str], subprocess.Popen[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    of_container(child := process(IDLE))
    statuses.update({"/readyz": 503, "/healthz": 200})
    assert [healthy.main() for _ in range(3)] == [1, 1, 1]
    assert child.poll() is None
    assert "/readyz says so" in capsys.readouterr().err


def test_one_that_reports_to_be_stuck_is_ended(
    statuses: dict[str, int], process: Callable[[str], subprocess.Popen[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    of_container(child := process(IDLE))
    statuses.update({"/readyz": 503, "/healthz": 503})
    assert healthy.main() == 1
    assert child.wait() == -signal.SIGKILL
    assert "ended, to be started again: /healthz says so" in capsys.readouterr().err


def test_one_that_answered_and_then_stands_still_is_ended(
    statuses: dict[str, int], process: Callable[[str], subprocess.Popen[str]]
) -> None:
    of_container(child := process(IDLE))
    statuses["/readyz"] = 200
    assert healthy.main() == 0
    statuses.clear()
    child.send_signal(signal.SIGSTOP)
    assert healthy.main() == 1
    assert silent_for(healthy.STILL_S / 2) == 1
    assert child.poll() is None
    assert silent_for(healthy.STILL_S) == 1
    assert child.wait() == -signal.SIGKILL


def test_one_that_computes_is_left_alone(
    statuses: dict[str, int], process: Callable[[str], subprocess.Popen[str]]
) -> None:
    of_container(child := process(COMPUTING))
    statuses["/readyz"] = 200
    assert healthy.main() == 0
    statuses.clear()
    assert healthy.main() == 1
    used_s = float(healthy.SILENT.read_text().split()[1])
    until(lambda: busy_s(child.pid), lambda now_s: now_s > used_s + healthy.STILL_S * BUSY_SHARE * 2)
    assert silent_for(healthy.STILL_S) == 1
    assert child.poll() is None


def test_one_that_never_answered_is_still_starting(
    statuses: dict[str, int], process: Callable[[str], subprocess.Popen[str]]
) -> None:
    of_container(child := process(IDLE))
    assert healthy.main() == 1
    assert not healthy.SILENT.exists()
    assert child.poll() is None
