"""The supervisor with stand-in programs: order, restarts, back-off, clean ends, no orphans."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.stack import control, ports
from deploy.stack.child import bound_log, tail
from deploy.stack.errors import StackError
from deploy.stack.layout import CHECKOUT, Layout
from deploy.stack.spec import Plan, Probe, Spec, in_order
from shared.runtime.clock import set_offset
from tests.waiting import until

SERVES = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
STUCK_ONCE = """
import http.server, pathlib, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        stuck = self.path == "/healthz" and pathlib.Path(sys.argv[2]).exists()
        if stuck:
            pathlib.Path(sys.argv[2]).unlink()
        self.send_response(503 if stuck else 200); self.end_headers()
        self.wfile.write(b"nothing is committed any more")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
)


class Running:
    """A supervisor of stand-in programs."""

    def __init__(self, layout: Layout, specs: tuple[Spec, ...]) -> None:
        self.layout = layout
        Plan(str(layout.state), specs, lifeline=True).save(layout.plan_file)
        command = [sys.executable, "-m", "deploy.stack.supervisor", str(layout.plan_file)]
        self._log = layout.logs / "supervisor.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=log)
        until(layout.socket.exists)

    def log(self) -> str:
        """Return what the supervisor has written so far."""
        return self._log.read_text()

    def ask(self, do: str, *names: str, **more: object) -> dict[str, dict[str, object]]:
        return control.ask(self.layout.socket, {"do": do, "names": names, **more}, timeout_s=20)

    def state(self, name: str) -> object:
        return self.ask("status", name)[name]["state"]

    def pid(self, name: str) -> int:
        pid = self.ask("status", name)[name]["pid"]
        assert isinstance(pid, int)
        return pid

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=20)


def alive(pid: int) -> bool:
    """Return whether the process exists and is not a mere zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / ("deep" * 40))
    made.make()
    set_offset(made.clock_file, 0)
    return made


@pytest.fixture
def supervise(layout: Layout) -> Iterator[Callable[..., Running]]:
    made: list[Running] = []

    def start(*specs: Spec) -> Running:
        made.append(Running(layout, specs))
        return made[-1]

    yield start
    for running in made:
        running.close()


def web(name: str, *needs: str) -> Spec:
    port = ports.choose({name: 0})[name]
    program = (sys.executable, "-c", SERVES, str(port))
    return Spec(name, program, "/", dict(os.environ), needs, Probe("http", f"http://127.0.0.1:{port}/readyz"))


def test_a_process_waits_for_what_it_needs(supervise: Callable[..., Running]) -> None:
    running = supervise(web("first"), web("second", "first"))
    running.ask("start", "second")
    until(lambda: running.state("second") == "waiting")
    running.ask("start", "first")
    until(lambda: running.state("second") == "ready")
    seen = running.ask("status")
    assert [(seen[name]["state"], seen[name]["starts"]) for name in ("first", "second")] == [("ready", 1), ("ready", 1)]
    log = running.log()
    assert log.index("first ready after") < log.index("second ready after")
    running.ask("halt", "first")
    before = running.pid("second")
    running.ask("signal", "second", signal=int(signal.SIGKILL))
    until(lambda: running.state("second") == "waiting")
    assert running.ask("status", "second")["second"]["starts"] == 1
    running.ask("start", "first")
    until(lambda: running.state("second") == "ready")
    assert running.pid("second") != before


def test_of_two_that_it_needs_either_is_enough(supervise: Callable[..., Running]) -> None:
    running = supervise(web("first"), web("other"), web("second", "first|other"))
    running.ask("start", "second")
    until(lambda: running.state("second") == "waiting")
    running.ask("start", "other")
    until(lambda: running.state("second") == "ready")
    assert running.state("first") == "off"


def test_one_that_is_halted_by_a_signal_ends_by_it_and_stays_away(supervise: Callable[..., Running]) -> None:
    running = supervise(Spec("one", (sys.executable, "-c", STUBBORN), "/", dict(os.environ), stop_timeout_s=600))
    running.ask("start")
    until(lambda: tail(running.layout.logs / "one.log") == "here")
    running.ask("halt", "one", signal=int(signal.SIGKILL))
    seen = running.ask("status")["one"]
    assert (seen["state"], seen["pid"], seen["last_exit"]) == ("off", None, -signal.SIGKILL)


def test_a_setting_of_one_start_is_gone_with_the_next(supervise: Callable[..., Running]) -> None:
    running = supervise(web("one"))

    def patience() -> list[bytes]:
        until(lambda: running.state("one") == "ready")
        given = Path(f"/proc/{running.pid('one')}/environ").read_bytes().split(b"\0")
        return [variable for variable in given if variable.startswith(b"PATIENCE=")]

    running.ask("start")
    assert patience() == []
    running.ask("restart", "one", env={"PATIENCE": "2"})
    assert patience() == [b"PATIENCE=2"]
    running.ask("signal", "one", signal=int(signal.SIGKILL))
    assert patience() == [b"PATIENCE=2"]
    running.ask("restart", "one")
    assert patience() == []


def test_a_killed_process_comes_back(supervise: Callable[..., Running]) -> None:
    running = supervise(web("one"))
    running.ask("start")
    until(lambda: running.state("one") == "ready")
    before = running.pid("one")
    running.ask("signal", "one", signal=int(signal.SIGKILL))
    assert running.state("one") != "ready"
    assert running.ask("status")["one"]["in_vain"] == 0  # it had answered: it is no process that keeps dying
    until(lambda: running.state("one") == "ready")
    assert running.pid("one") != before
    seen = running.ask("status")["one"]
    assert (seen["starts"], seen["in_vain"], seen["last_exit"]) == (2, 0, -signal.SIGKILL)
    assert not alive(before)
    assert re.search(r"one died after [0-9.]+ s \(exit -9\), again in 0\.5 s", running.log())


def test_another_that_answers_on_its_port_is_not_taken_for_it(supervise: Callable[..., Running]) -> None:
    theirs = web("theirs")
    ours = replace(theirs, name="ours", argv=(sys.executable, "-c", STUBBORN), stop_timeout_s=0.1)
    running = supervise(theirs, ours)
    running.ask("start", "theirs")
    until(lambda: running.state("theirs") == "ready")
    running.ask("start", "ours")
    said = until(lambda: running.ask("status", "ours")["ours"]["waiting_for"])
    assert said == "its port, on which another process answers"
    assert running.ask("status", "ours")["ours"]["answers"] is False
    assert running.state("ours") == "starting"


def test_a_process_that_says_it_is_stuck_is_started_again(supervise: Callable[..., Running], tmp_path: Path) -> None:
    sign, port = tmp_path / "stuck", ports.choose({"worker": 0})["worker"]
    sign.touch()
    argv = (sys.executable, "-c", STUCK_ONCE, str(port), str(sign))
    ready, alive = (Probe("http", f"http://127.0.0.1:{port}/{path}") for path in ("readyz", "healthz"))
    stack = supervise(Spec("worker", argv, str(tmp_path), dict(os.environ), probe=ready, alive=alive))
    stack.ask("start")
    until(
        lambda: (stack.ask("status", "worker")["worker"]["starts"], stack.state("worker")),
        lambda seen: seen == (2, "ready"),
    )
    seen = stack.ask("status", "worker")["worker"]
    assert (seen["last_exit"], seen["in_vain"], seen["answers"]) == (-signal.SIGTERM, 0, True)
    assert "worker is ended: nothing is committed any more" in stack.log()
    assert not sign.exists()


def test_a_process_that_neither_responds_nor_computes_is_started_again(
    supervise: Callable[..., Running], tmp_path: Path
) -> None:
    port = ports.choose({"worker": 0})["worker"]
    argv = (sys.executable, "-c", STUCK_ONCE, str(port), str(tmp_path / "never"))
    ready, alive = (Probe("http", f"http://127.0.0.1:{port}/{path}") for path in ("readyz", "healthz"))
    worker = Spec("worker", argv, str(tmp_path), dict(os.environ), probe=ready, alive=alive, hung_after_s=0.5)
    stack = supervise(worker)
    stack.ask("start")
    until(lambda: stack.state("worker") == "ready")
    os.kill(int(str(stack.ask("status", "worker")["worker"]["pid"])), signal.SIGSTOP)
    until(
        lambda: (stack.ask("status", "worker")["worker"]["starts"], stack.state("worker")),
        lambda seen: seen == (2, "ready"),
    )
    assert "worker is ended: it does not respond, silent and idle for" in stack.log()


def test_a_program_that_always_fails_is_tried_with_growing_pauses(supervise: Callable[..., Running]) -> None:
    running = supervise(replace(web("bad"), argv=(sys.executable, "-c", "raise SystemExit(3)")))
    started = time.monotonic()
    running.ask("start")
    until(lambda: running.ask("status")["bad"]["starts"] == 3)
    assert time.monotonic() - started >= 0.5 + 1.0
    assert running.ask("status")["bad"]["last_exit"] == 3
    assert running.ask("status")["bad"]["in_vain"] == 3


def test_a_program_that_cannot_be_run_is_said_so_and_the_others_go_on(supervise: Callable[..., Running]) -> None:
    running = supervise(Spec("absent", ("/no/such/program",), "/"), web("one"))
    running.ask("start")
    until(lambda: running.state("one") == "ready" and running.state("absent") == "pausing")
    assert "absent cannot be started: " in running.log()
    seen = running.ask("status")
    assert (seen["absent"]["pid"], seen["absent"]["answers"]) == (None, False)
    assert (seen["one"]["starts"], seen["one"]["answers"]) == (1, True)


def test_halted_stays_stopped_until_started(supervise: Callable[..., Running]) -> None:
    running = supervise(web("one"))
    running.ask("start")
    until(lambda: running.state("one") == "ready")
    pid = running.pid("one")
    running.ask("halt", "one")
    assert running.state("one") == "off"
    assert not alive(pid)
    running.ask("start", "one")
    until(lambda: running.state("one") == "ready")


def test_stop_ends_even_what_ignores_the_request(supervise: Callable[..., Running], layout: Layout) -> None:
    running = supervise(Spec("mule", (sys.executable, "-c", STUBBORN), "/", dict(os.environ), stop_timeout_s=0.3))
    running.ask("start")
    until(lambda: "here" in (layout.logs / "mule.log").read_text() if (layout.logs / "mule.log").exists() else False)
    pid = running.pid("mule")
    running.ask("stop")
    running.process.wait(timeout=20)
    assert not alive(pid)


def test_nothing_outlives_a_killed_supervisor(supervise: Callable[..., Running]) -> None:
    running = supervise(web("one"), web("two"))
    running.ask("start")
    until(lambda: running.state("one") == "ready" and running.state("two") == "ready")
    pids = [running.pid("one"), running.pid("two")]
    running.process.kill()
    running.process.wait()
    until(lambda: not any(alive(pid) for pid in pids))


def test_a_second_supervisor_of_the_same_stack_refuses(supervise: Callable[..., Running], layout: Layout) -> None:
    supervise(web("one"))
    command = [sys.executable, "-m", "deploy.stack.supervisor", str(layout.plan_file)]
    second = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert second.returncode == 1
    assert "another supervisor already runs" in second.stderr


def test_an_unknown_name_is_refused_with_the_known_ones(supervise: Callable[..., Running]) -> None:
    running = supervise(web("one"))
    with pytest.raises(StackError, match="no process named two; there are: one"):
        running.ask("start", "two")
    with pytest.raises(StackError, match="one does not run"):
        running.ask("signal", "one", signal=9)


def test_levels_follow_needs_and_circles_are_refused() -> None:
    def spec(name: str, *needs: str) -> Spec:
        return Spec(name, ("true",), "/", needs=needs)

    assert in_order([spec("c", "b"), spec("a"), spec("b", "a"), spec("d", "a")]) == [["a"], ["b", "d"], ["c"]]
    with pytest.raises(ValueError, match="wait for one another"):
        in_order([spec("a", "b"), spec("b", "a")])
    with pytest.raises(ValueError, match="something unknown"):
        in_order([spec("a", "ghost")])


def test_a_log_is_cut_back_and_its_end_kept(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    log.write_bytes(b"old" * 100 + b"new" * 10)
    bound_log(log, limit_bytes=30)
    assert log.stat().st_size == 0
    assert (tmp_path / "one.log.1").read_bytes() == b"new" * 10


def test_a_taken_port_is_replaced_by_another() -> None:
    taken = ports.choose({"any": 0})["any"]
    import socket

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", taken))
        holder.listen()
        chosen = ports.choose({"one": taken, "two": taken, "three": 0})
    assert taken not in chosen.values()
    assert len(set(chosen.values())) == 3
