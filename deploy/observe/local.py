"""Prometheus on the local stack of this checkout, with the alert rules, on a loopback port; in the foreground.

Prometheus is not ours to install: where it is missing, a sentence says how to get it and that nothing else needs it.
"""

import contextlib
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.stack import ports, table
from deploy.stack.errors import StackError
from deploy.stack.layout import CHECKOUT, DEFAULT_STATE
from deploy.stack.stack import Stack

RULES: Final = CHECKOUT / "deploy" / "observe" / "rules.yml"
PORT: Final = 8409
_PATIENCE_S: Final = 60.0
MISSING: Final = (
    "Prometheus is not installed: nothing was started. Debian and Ubuntu have it as the package `prometheus`\n"
    "(`apt-get install prometheus`). Without it, every process shows its own metrics at the /metrics of its port\n"
    "(`make status` lists the ports), and docs/metrics.md says what they mean."
)


def observe(root: Path = DEFAULT_STATE) -> int:
    """Run Prometheus until interrupted; return its exit code.

    Raises StackError if it is not installed, the stack is down, or it does not come up.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise StackError(MISSING)
    stack = Stack(root, ephemeral=False)
    if not stack.running():
        raise StackError("the stack is down: `make up` starts it")
    home = stack.layout.state / "prometheus"
    home.mkdir(parents=True, exist_ok=True)
    config_file = home / "prometheus.yml"
    config_file.write_text(yaml.safe_dump(config(stack.addresses), sort_keys=False))
    address = f"127.0.0.1:{ports.choose({'prometheus': PORT})['prometheus']}"
    with (home / "prometheus.log").open("ab") as log:
        running = subprocess.Popen(_arguments(program, config_file, home / "data", address), stdout=log, stderr=log)
        try:
            _wait_ready(running, address, home / "prometheus.log")
            print(f"\n  metrics   http://{address}/graph\n  alerts    http://{address}/alerts")
            print("  what to do about an alert: docs/runbooks; Ctrl-C stops Prometheus, not the stack", flush=True)
            return running.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            _end(running)


def config(addresses: table.Addresses) -> Mapping[str, Any]:
    """Return Prometheus's configuration: every process of the stack by name, and the rules."""
    names = [name for name in table.SERVICES if name != "issuer"]  # the issuer stands for somebody else's
    targets = [
        {"targets": [addresses.probes(name).removeprefix("http://")], "labels": {"instance": name}} for name in names
    ]
    return {
        "global": {"scrape_interval": "5s", "evaluation_interval": "15s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "rebalancer", "static_configs": targets}],
    }


def _arguments(program: str, config_file: Path, data: Path, address: str) -> list[str]:
    return [
        program,
        f"--config.file={config_file}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=7d",
        f"--web.listen-address={address}",
    ]


def _wait_ready(running: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    """Wait until Prometheus is ready.  Raises StackError with the end of its log if it ends or takes too long."""
    deadline = time.monotonic() + _PATIENCE_S
    while running.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}/-/ready", timeout=2):  # noqa: S310
            return
        time.sleep(0.1)
    raise StackError("Prometheus does not come up; its last lines:\n" + "\n".join(log.read_text().splitlines()[-5:]))


def _end(running: "subprocess.Popen[bytes]") -> None:
    """End Prometheus in its orderly way, so that it writes what it has collected."""
    if running.poll() is None:
        running.terminate()
        running.wait()
