"""How a start is waited for: as long as something moves, and what is said of what stands still."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.stack import Stack, control
from deploy.stack.activity import Activity
from deploy.stack.errors import StackError
from deploy.stack.finishing import begin, finish
from deploy.stack.layout import CHECKOUT, inherited
from deploy.stack.ports import choose
from deploy.stack.spec import Plan, Probe, Spec
from deploy.stack.stack import FAILED_STARTS
from deploy.stack.steps import Silent
from shared.runtime.clock import set_offset
from tests.waiting import until

SLEEPS = "import time; print('half way', flush=True); time.sleep(600)"
BURNS = "while True: pass"
BEATS = "import time\nwhile True: time.sleep(0.2)"
WAITS = """
import http.server, json, sys
class Answer(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Answer.asked += 1
        ready = Answer.asked > int(sys.argv[2])
        told = {"ready": ready, "waiting_for": [] if ready else [f"step {Answer.asked}"]}
        self.send_response(200 if ready else 503); self.end_headers()
        self.wfile.write(json.dumps(told).encode())
    def log_message(self, *words):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
Run = Callable[[str], "subprocess.Popen[bytes]"]
QUIET_S = 1.5


@pytest.fixture
def run() -> Iterator[Run]:
    """Start small programs that end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(program: str) -> "subprocess.Popen[bytes]":
        started.append(subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def quiet_s(activity: Activity) -> float:
    """Look and return for how long nothing has moved."""
    activity.look()
    return float(activity.describe()["quiet_s"])


def test_who_only_beats_its_heart_stands_still_and_who_computes_does_not(run: Run) -> None:
    beats, burns = (Activity(run(program).pid, window_s=0.5) for program in (BEATS, BURNS))
    until(lambda: (quiet_s(burns), quiet_s(beats))[1] > QUIET_S)
    assert quiet_s(burns) < QUIET_S
    assert burns.describe()["cpu_s"] > 0


def test_who_waits_for_the_processor_moves_though_it_gets_none(run: Run) -> None:
    """On a machine that others keep busy a start may get next to nothing for long."""
    core = {min(os.sched_getaffinity(0))}
    starved = run(BURNS)
    os.sched_setaffinity(starved.pid, core)
    os.setpriority(os.PRIO_PROCESS, starved.pid, 19)
    for _ in range(2):
        os.sched_setaffinity(run(BURNS).pid, core)
    activity = Activity(starved.pid, window_s=0.5)
    sleeps = Activity(run(SLEEPS).pid, window_s=0.5)
    until(lambda: (quiet_s(activity), quiet_s(sleeps))[1] > QUIET_S)
    assert quiet_s(activity) < QUIET_S


def test_a_growing_log_and_another_reason_are_movement(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("")
    activity = Activity(run(SLEEPS).pid, log, window_s=0.5)
    until(lambda: quiet_s(activity) > QUIET_S)
    log.write_text("more")
    assert quiet_s(activity) < QUIET_S
    until(lambda: quiet_s(activity) > QUIET_S)
    activity.look("the database")
    assert activity.describe()["quiet_s"] < QUIET_S


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Return a stack whose supervisor runs stand-in programs."""
    supervisors: list[subprocess.Popen[bytes]] = []

    def make(*specs: Spec) -> Stack:
        stack = Stack(tmp_path / "state", services=())
        stack.layout.make()
        set_offset(stack.layout.clock_file, 0)
        Plan(str(stack.layout.state), specs, lifeline=True).save(stack.layout.plan_file)
        command = [sys.executable, "-m", "deploy.stack.supervisor", str(stack.layout.plan_file)]
        supervisors.append(subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL))
        until(stack.running)  # the socket exists a moment before it listens
        control.ask(stack.layout.socket, {"do": "start"})
        return stack

    yield make
    for supervisor in supervisors:
        supervisor.communicate(timeout=20)


def spec(name: str, program: str, *arguments: str, port: int = 0) -> Spec:
    """Return a stand-in that answers, if at all, on the port."""
    probe = Probe("http", f"http://127.0.0.1:{port or choose({name: 0})[name]}/readyz")
    return Spec(name, (sys.executable, "-c", program, *arguments), "/", dict(os.environ), probe=probe)


def test_silent_and_idle_is_the_fault_and_what_is_known_of_it_is_said(make: Callable[..., Stack]) -> None:
    stack = make(spec("sleeper", SLEEPS))
    with pytest.raises(StackError) as raised:
        stack.wait_ready("sleeper", quiet_s=QUIET_S)
    message = str(raised.value)
    assert message.startswith("sleeper silent and idle for ")
    assert "(asleep, 0." in message
    assert message.endswith("of processor time); the end of its log:\nhalf way")


def test_a_stopped_process_is_said_to_be_stopped(make: Callable[..., Stack]) -> None:
    stack = make(spec("sleeper", SLEEPS))
    until(lambda: stack.log_tail("sleeper") == "half way")
    stack.kill("sleeper", signal.SIGSTOP)
    with pytest.raises(StackError, match=r"silent and idle for \d+ s \(stopped, "):
        stack.wait_ready("sleeper", quiet_s=QUIET_S)


def test_one_that_says_what_it_waits_for_is_waited_for_as_long_as_that_changes(make: Callable[..., Stack]) -> None:
    port = choose({"worker": 0})["worker"]
    stack = make(spec("worker", WAITS, str(port), "30", port=port))
    until(lambda: str(stack.status("worker")["worker"]["waiting_for"]), lambda said: said.startswith("step "))
    stack.wait_ready("worker", quiet_s=QUIET_S)
    assert stack.status("worker")["worker"]["waiting_for"] == ""


def test_the_silence_of_a_process_that_answered_counts_from_the_probe_it_missed(make: Callable[..., Stack]) -> None:
    """A service at rest is silent and idle.  After a failover of its database it may miss one probe, and be well."""
    port = choose({"worker": 0})["worker"]
    stack = make(spec("worker", WAITS, str(port), "0", port=port))
    stack.wait_ready("worker")
    until(lambda: float(stack.status("worker")["worker"]["quiet_s"]), lambda quiet_s: quiet_s > QUIET_S)
    stack.kill("worker", signal.SIGSTOP)

    class Resumes(Silent):
        def progress(self, text: str) -> None:
            stack.kill("worker", signal.SIGCONT)

    stack.steps = Resumes()
    stack.wait_ready("worker", quiet_s=QUIET_S)


def test_one_that_keeps_dying_is_the_fault(make: Callable[..., Stack]) -> None:
    stack = make(spec("worker", "print('no such table'); raise SystemExit(1)"))
    with pytest.raises(StackError, match=r"^worker keeps dying; the end of its log:\nno such table"):
        stack.wait_ready("worker")


def test_what_it_died_of_before_is_no_fault_once_it_is_over(make: Callable[..., Stack], tmp_path: Path) -> None:
    """A database dies again and again while its disk is full.  With space again, its next start succeeds."""
    port, space = choose({"worker": 0})["worker"], tmp_path / "space"
    needs_space = f"import pathlib\nif not pathlib.Path({str(space)!r}).exists(): raise SystemExit(1)\n"
    stack = make(spec("worker", needs_space + WAITS, str(port), "0", port=port))
    until(
        lambda: stack.status("worker")["worker"],
        lambda seen: seen["in_vain"] >= FAILED_STARTS and seen["state"] == "pausing",
    )
    space.touch()
    stack.wait_ready("worker")


def test_a_program_that_stands_still_is_ended_and_said_so() -> None:
    process = begin([sys.executable, "-c", SLEEPS], inherited())
    with pytest.raises(StackError, match=r"the migration stands still: silent and idle .*; its last words:\nhalf way"):
        finish(process, "the migration", quiet_s=QUIET_S)
    assert process.returncode == -signal.SIGKILL


def test_a_program_is_waited_for_while_those_it_waits_for_move() -> None:
    moving = iter([0.0, 0.0])
    process = begin([sys.executable, "-c", "import time; time.sleep(4); print('done')"], inherited())
    assert finish(process, "the load", quiet_s=0.5, others_quiet_s=lambda: next(moving, 0.0)) == "done\n"


def test_a_program_that_fails_is_quoted() -> None:
    process = begin([sys.executable, "-c", "raise SystemExit('no such table')"], inherited())
    with pytest.raises(StackError, match="the migration failed:\nno such table"):
        finish(process, "the migration")


def test_who_gives_way_to_others_does_so_when_it_is_ready(make: Callable[..., Stack]) -> None:
    """Loading at a low priority took the sweeper minutes on a busy machine."""
    port = choose({"worker": 0})["worker"]
    program = "import threading, time; threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n" + WAITS
    stack = make(replace(spec("worker", program, str(port), "8", port=port), nice=10))
    until(lambda: str(stack.status("worker")["worker"]["waiting_for"]), lambda said: said.startswith("step "))
    pid = stack.pid("worker")
    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0)
    stack.wait_ready("worker")
    tasks = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
    assert {os.getpriority(os.PRIO_PROCESS, task) for task in tasks} == {10}
    assert len(tasks) > 1
