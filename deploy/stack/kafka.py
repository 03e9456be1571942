"""Apache Kafka as one local process: broker and controller in KRaft mode, run from the jars that Maven fetched."""

import os
import shutil
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from deploy.stack.errors import StackError
from deploy.stack.kafka_security import KafkaSecurity
from deploy.stack.layout import CHECKOUT, DEFAULT_STATE, Layout
from deploy.stack.spec import Probe, Spec

POM = CHECKOUT / "deploy" / "kafka" / "pom.xml"
LOGGING = CHECKOUT / "deploy" / "kafka" / "log4j2.properties"
JARS = DEFAULT_STATE / "cache" / "kafka"
"""Shared by all stacks of the checkout; kept by `make reset`."""
JVM = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+ExitOnOutOfMemoryError",
    # With eight other processes on two cores, the optimising compiler and the concurrent collector cost more than they
    # save: half a second of processor time in the first large request after a start.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
)
MAX_MESSAGE_BYTES = 4 * 1024 * 1024


def jars_present() -> bool:
    """Return whether the jars of the release in the pom are downloaded."""
    stamp = JARS / "pom.xml"
    return stamp.exists() and stamp.read_bytes() == POM.read_bytes()


def fetch_jars() -> None:
    """Fetch the jars with the Maven client. Raises StackError with Maven's output if it fails."""
    if jars_present():
        return
    JARS.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=JARS.parent))
    command = [
        "mvn", "--batch-mode", "--quiet", "--file", str(POM), "dependency:copy-dependencies",
        "-DincludeScope=runtime", f"-DoutputDirectory={fresh}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        shutil.rmtree(fresh)
        raise StackError(f"Maven could not fetch Apache Kafka:\n{(done.stdout + done.stderr)[-2000:]}")
    shutil.copy(POM, fresh / "pom.xml")
    shutil.rmtree(JARS, ignore_errors=True)
    fresh.rename(JARS)


def initialise(layout: Layout, port: int, controller_port: int, security: KafkaSecurity | None = None) -> None:
    """Write the configuration (ports may have changed) and format the log directory unless that was done before.

    security: TLS, users and rights; None: whoever reaches the loopback port may do anything.
    """
    if not jars_present():
        raise StackError("Kafka's jars are missing: run `make up` once with a network")
    layout.kafka_data.mkdir(exist_ok=True)
    settings = _settings(layout, port, controller_port) | (
        security.properties(port, controller_port) if security else {}
    )
    if security:
        del settings["advertised.listeners"]  # one of the ports is chosen by the broker itself
    _configuration(layout).touch(mode=0o600)  # of a secured broker it holds a password
    _configuration(layout).write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    if (layout.kafka_data / "log" / "meta.properties").exists():
        return
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(_configuration(layout))]
    done = subprocess.run(
        [*_java("-Xmx128m"), *tool], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise StackError(f"Kafka's log directory could not be formatted:\n{done.stdout}{done.stderr}")


def spec(layout: Layout, port: int) -> Spec:
    """Return the broker process."""
    return Spec(
        name="kafka",
        argv=(*_java(*JVM), "kafka.Kafka", str(_configuration(layout))),
        cwd=str(layout.kafka_data),
        env={name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME", "LANG") if name in os.environ},
        probe=Probe("tcp", f"127.0.0.1:{port}"),
        stop_timeout_s=20.0,
    )


def _configuration(layout: Layout) -> Path:
    return layout.kafka_data / "server.properties"


def _java(*options: str) -> list[str]:
    program = shutil.which("java")
    if program is None:
        raise StackError("java is missing: apt-get install openjdk-17-jre-headless")
    return [program, *options, f"-Dlog4j2.configurationFile={LOGGING}", "-cp", f"{JARS}/*"]


def _settings(layout: Layout, port: int, controller_port: int) -> dict[str, object]:
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        # A fixed voter (not a stored one), so that another controller port may be chosen at the next start.
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": layout.kafka_data / "log",
        "auto.create.topics.enable": "false",
        "default.replication.factor": 1,
        "num.partitions": 4,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "message.max.bytes": MAX_MESSAGE_BYTES + 65536,
        "replica.fetch.max.bytes": MAX_MESSAGE_BYTES + 65536,
        "socket.request.max.bytes": 64 * 1024 * 1024,
        "log.segment.bytes": 128 * 1024 * 1024,
        # Size for an entry every 4 KiB of a segment. The default of 10 MiB is filled with zeroes when a partition is
        # first written to: a third of a second in the first large request.
        "log.index.size.max.bytes": 1024 * 1024,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "log.cleaner.io.buffer.size": 4 * 1024 * 1024,
        # A killed broker may come back as soon as its old session has expired.
        "broker.session.timeout.ms": 4000,
        "broker.heartbeat.interval.ms": 1000,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
