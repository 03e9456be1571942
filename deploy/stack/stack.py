"""One stack: started, observed, harmed on purpose and stopped, by `make up`, by fixtures and by fault tests alike."""

import asyncio
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from deploy import roles, topics
from deploy.acls.apply import apply
from deploy.acls.brokers import ADMIN
from deploy.stack import clock, control, kafka, kafka_security, keys, ports, postgres, schema, table
from deploy.stack.activity import QUIET_S, Activity, description
from deploy.stack.child import tail
from deploy.stack.compiling import compile_kernels
from deploy.stack.errors import StackError
from deploy.stack.layout import CHECKOUT, Layout, read_json, write_json
from deploy.stack.spec import Plan
from deploy.stack.steps import Silent
from deploy.topic_plan import TopicSettings
from shared.contracts.rights import PLATFORM, TOPICS_ADMIN

STOP_PATIENCE_S = 120.0
FAILED_STARTS = 4
POLL_S = 0.25


class Stack:
    """Kafka, PostgreSQL and the named services in a state directory of their own, on loopback ports of their own.

    root: the state directory. services: names of `table.PROGRAMS`. env: added to every service's environment.
    secured: TLS at the broker, and each program is a user with the rights that docs/kafka-rights.md names.
    ephemeral: ends with this process however that ends, and deletes its database files (tests); otherwise the stack
    lives on in the background and its state is kept (`make up`). standby: every program knows a second database server,
    which does not run until deploy.stack.standby makes it follow the first. hung_after_s: overrides that of every
    process (tests that stop processes on purpose).
    """

    def __init__(
        self,
        root: Path,
        services: Sequence[str] = table.SERVICES,
        env: Mapping[str, str] | None = None,
        *,
        secured: bool = False,
        ephemeral: bool = True,
        standby: bool = False,
        steps: Silent | None = None,
        hung_after_s: float | None = None,
    ) -> None:
        self.layout = Layout(root)
        self.hung_after_s = hung_after_s
        self.services = tuple(services)
        self.extra = dict(env or {})
        self.ephemeral = ephemeral
        self.servers = (postgres.FIRST, postgres.STANDBY) if standby else (postgres.FIRST,)
        self.secured = secured
        self.steps = steps or Silent()
        self._lifeline: IO[bytes] | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start everything and wait until it responds. Raises StackError with the failed process and its last lines.

        Steps that are done are skipped, so the next start completes one that was interrupted.
        """
        if self.services:
            compile_kernels(self.steps)
        try:
            self._start_infrastructure()
            if (security := self.addresses.security) is not None:
                with self.steps.step("creating users and rights at Kafka"):
                    users = {user: word for user, word in security.passwords.items() if user != ADMIN}
                    _aside(apply(self.addresses.broker(ADMIN), users))
            with self.steps.step("creating topics"):
                _aside(topics.bring(self._topic_settings()))
            with self.steps.step("creating database roles"):
                passwords = {name: self.addresses.secrets[f"{name}_password"] for name in roles.NAMES}
                roles.prepare(self.addresses.admin_database(), postgres.DATABASE, passwords)
            schema.migrate(self.layout, self.services, self._env_of_owner, self.steps)
            schema.grant_sample_users(self.layout, self.services, self.env_of, self.steps)
            if self.services:
                with self.steps.step(f"starting {len(self.services)} processes of the system"):
                    self.ask("start", *self.services)
                    self.wait_ready(*self.services)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End every process in reverse order and wait for the last; nothing happens when none runs."""
        try:
            self.ask("stop")
        except ConnectionError:
            if self.ephemeral:
                shutil.rmtree(self.layout.postgres_home, ignore_errors=True)
            return
        until = time.monotonic() + STOP_PATIENCE_S
        while self.running():
            if time.monotonic() > until:
                raise StackError(f"the supervisor does not end; see {self.layout.logs / 'supervisor.log'}")
            time.sleep(POLL_S)
        if self._supervisor is not None:
            self._supervisor.wait()
        if self._lifeline is not None:
            self._lifeline.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- looking ------------------------------------------------------------------------------------------------

    @property
    def addresses(self) -> table.Addresses:
        """Where everything listens. Raises StackError before the first start."""
        chosen = read_json(self.layout.state_file).get("ports")
        if chosen is None:
            raise StackError("this stack was never started: run `make up`")
        security = kafka_security.load(self.layout) if self.secured else None
        return table.Addresses(self.layout, chosen, keys.load(self.layout), self.servers, security)

    @property
    def urls(self) -> dict[str, str]:
        """HTTP address per program, of the gateway's probes too, and `kafka` as host:port."""
        addresses = self.addresses
        served = (*table.PROGRAMS, "gateway-probes")
        return {"kafka": addresses.kafka, **{name: addresses.http(name) for name in served}}

    @property
    def env(self) -> dict[str, str]:
        """What a tool beside the stack needs (addresses, clock, inbox): the proposer's environment has no key.

        At a secured broker it is the user who sends what comes in.
        """
        return {**self.env_of("proposer"), **self._kafka_environment(PLATFORM)}

    def env_of(self, name: str) -> dict[str, str]:
        """Return the complete environment of one program."""
        return table.environment(self.addresses, name, self.extra)

    def _topic_settings(self) -> TopicSettings:
        """Return how topics are made: with the rights of the user who may, where the broker knows users."""
        given = {
            name.removeprefix("REBALANCER_").lower(): it for name, it in self._kafka_environment(TOPICS_ADMIN).items()
        }
        return TopicSettings.model_validate({"kafka_url": self.addresses.kafka, **given})

    def _kafka_environment(self, user: str) -> dict[str, str]:
        """Return the variables that make a process this user; none where the broker knows no users."""
        security = self.addresses.security
        secured = table.kafka_environment(security, user) if security else {}
        return {f"REBALANCER_{name}": value for name, value in secured.items()}

    def _env_of_owner(self, service: str) -> dict[str, str]:
        """Return the environment of a service's migration: the role that owns the tables is used for nothing else."""
        owner = self.database_url(f"{service}{roles.OWNER}")
        return {**self.env_of(service), "REBALANCER_DATABASE_URL": owner}

    def database_url(self, role: str) -> str:
        """Return the database address with one of the roles of deploy.roles."""
        return self.addresses.database(role)

    def running(self) -> bool:
        """Return whether a supervisor of this stack answers."""
        try:
            self.ask("status")
        except ConnectionError:
            return False
        return True

    def status(self, *names: str) -> dict[str, dict[str, Any]]:
        """Return per process (default: all): state, answers (asked just now), pid, starts, in_vain (the last ones, that
        it did not answer after), last_exit, log, waiting_for, quiet_s (since it last moved), cpu_s, process_state."""
        return self.ask("status", *names)

    def quiet_s(self) -> float:
        """Return for how long none of the services has been active."""
        return min((float(process["quiet_s"]) for process in self.status(*self.services).values()), default=0.0)

    def pid(self, name: str) -> int:
        """Return the process id. Raises StackError when the process does not run."""
        pid = self.status()[name]["pid"]
        if pid is None:
            raise StackError(f"{name} does not run")
        return int(pid)

    def supervisor_pid(self) -> int:
        """Return the process id of the supervisor. Raises ConnectionError when none runs."""
        return int(self.ask("supervisor")["pid"])

    def log_tail(self, name: str, lines: int = 30) -> str:
        """Return the last lines a process wrote."""
        return tail(self.layout.logs / f"{name}.log", lines)

    def wait_ready(self, *names: str, quiet_s: float = QUIET_S) -> None:
        """Wait until the named processes (default: all) respond, however long it takes, as long as they are active.

        Raises StackError with what is known of a process, and the last 30 lines of its log, if it is inactive for
        quiet_s or ends again and again without a response.  A process that responded is inactive while it gets no
        requests, so its inactivity counts from the first probe that it missed.  What it died of before, a full disk
        say, may be over: only its deaths from now on count.
        """
        names = names or (*table.INFRASTRUCTURE, *self.services)
        late_since: dict[str, float] = {}
        died_before: dict[str, int] = {}
        while True:
            status, now = self.status(*names), time.monotonic()
            late = [name for name, process in status.items() if process["state"] != "ready" or not process["answers"]]
            if not late:
                return
            late_since = {name: late_since.get(name, now) for name in late}
            died = {name: _died(process) for name, process in status.items()}
            died_before = {name: min(died_before.get(name, deaths), deaths) for name, deaths in died.items()}
            for name in late:
                status[name]["quiet_s"] = min(status[name]["quiet_s"], now - late_since[name])
                why = _fault(status[name], died[name] - died_before[name], quiet_s)
                if why:
                    raise StackError(f"{name} {why}; the end of its log:\n{self.log_tail(name)}")
            self.steps.progress("; ".join(_waits(name, status[name]) for name in late))
            time.sleep(POLL_S)

    # -- hurting ------------------------------------------------------------------------------------------------

    def kill(self, name: str, signum: int = signal.SIGKILL) -> int:
        """Send a signal to a process and return its id; the supervisor starts again what dies of it."""
        return int(self.ask("signal", name, signal=int(signum))[name])

    def halt(self, *names: str, signum: int | None = None) -> None:
        """Stop processes, by this signal instead of their own, and leave them stopped until `resume`."""
        self.ask("halt", *names, signal=signum)

    def resume(self, *names: str) -> None:
        """Start halted processes again (does not wait; see `wait_ready`)."""
        self.ask("start", *names)

    def restart(self, *names: str, env: Mapping[str, str] | None = None) -> None:
        """Stop and start processes (does not wait for readiness), with `env` added until they are next stopped."""
        self.ask("restart", *names, env=dict(env or {}))

    def ask(self, what: str, *names: str, **more: object) -> dict[str, Any]:
        """Send a command to the supervisor. Raises ConnectionError when none runs."""
        return control.ask(self.layout.socket, {"do": what, "names": names, **more})

    # -- parts of the start -------------------------------------------------------------------------------------

    def _start_infrastructure(self) -> None:
        if not self.running():
            self._prepare()
            self._launch()
        with self.steps.step("starting Kafka and PostgreSQL"):
            self.ask("start", *table.INFRASTRUCTURE)
            self.wait_ready(*table.INFRASTRUCTURE)

    def _prepare(self) -> None:
        self.layout.make()
        with self.steps.step("checking Kafka's jars" if kafka.jars_present() else "getting Apache Kafka (Maven)"):
            kafka.fetch_jars()
            postgres.binaries()
        kept = read_json(self.layout.state_file)
        preferred = dict.fromkeys(ports.PREFERRED, 0) if self.ephemeral else ports.PREFERRED
        wanted = {**preferred, **kept.get("ports", {})}  # ports that are new in this release are not stored yet
        chosen = ports.choose(wanted)
        for name, port in chosen.items():
            if wanted[name] not in (0, port):
                self.steps.say(f"  port {wanted[name]} of {name} is taken: using {port}")
        write_json(self.layout.state_file, {**kept, "ports": chosen})
        clock.begin(self.layout)
        with self.steps.step("preparing their data directories"):
            kafka.initialise(self.layout, chosen["kafka"], chosen["kafka-controller"], self.addresses.security)
            postgres.initialise(self.layout, self.addresses.secrets["admin_password"])

    def _launch(self) -> None:
        """Start the supervisor in a session of its own; it does not end with the terminal."""
        discard = (str(self.layout.postgres_home),) if self.ephemeral else ()
        planned = table.specs(self.addresses, self.services, self.extra)
        if self.hung_after_s is not None:
            planned = tuple(replace(spec, hung_after_s=self.hung_after_s) for spec in planned)
        Plan(str(self.layout.state), planned, self.ephemeral, discard).save(self.layout.plan_file)
        with (self.layout.logs / "supervisor.log").open("ab") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "deploy.stack.supervisor", str(self.layout.plan_file)],
                cwd=CHECKOUT,
                stdin=subprocess.PIPE if self.ephemeral else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._lifeline = self._supervisor.stdin
        activity = Activity(self._supervisor.pid, self.layout.logs / "supervisor.log")
        while not self.running():
            activity.look()
            if self._supervisor.poll() is not None or activity.describe()["quiet_s"] > QUIET_S:
                raise StackError(f"the supervisor did not start; the end of its log:\n{self.log_tail('supervisor')}")
            time.sleep(POLL_S)


def _died(seen: Mapping[str, Any]) -> int:
    """Return how many of a process's last starts ended without a response."""
    return int(seen["in_vain"]) - int(seen["state"] == "starting")


def _fault(seen: Mapping[str, Any], died: int, quiet_s: float) -> str:
    """Return what is wrong with a process that is waited for, nothing while it is active.

    died: how often it did so while it was waited for.
    """
    if died >= FAILED_STARTS:
        return "keeps dying"
    return description(seen) if seen["pid"] and seen["quiet_s"] > quiet_s else ""


def _waits(name: str, seen: Mapping[str, Any]) -> str:
    """Describe the progress of a process that does not respond yet."""
    what = seen["waiting_for"] or {"waiting": "waits for others"}.get(seen["state"], "loading")
    return f"{name}: {what} ({seen['cpu_s']:.0f} s of processor time)"


def _aside(work: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine to its end in a thread of its own: the caller's thread may have a running loop (Playwright)."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()
