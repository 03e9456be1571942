"""`python -m deploy.healthy`: exit 0 when the process of this container is ready.  A container's health check.

An engine starts a process that has ended again, and leaves one that hangs as it is.  So this check ends the process
when only a new start helps: when it reports on /healthz that it is stuck, or when it answered once and has since
neither answered nor used the processor for STILL_S seconds.

It runs every few seconds in every container, so it imports next to nothing.
"""

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from deploy.processor_time import BUSY_SHARE, busy_s, state_of

PATIENCE_S: Final = 2.0
STILL_S: Final = 8.0
ANSWERED: Final = Path("/tmp/answered")  # noqa: S108  # a container's own, and empty again after a restart
SILENT: Final = Path("/tmp/silent")  # noqa: S108
INIT_CHILDREN: Final = Path("/proc/1/task/1/children")


def main() -> int:
    """Ask /readyz on the port of the environment; print the reasons when it is not ready."""
    port = int(os.environ.get("REBALANCER_PROBE_PORT") or os.environ["REBALANCER_HTTP_PORT"])
    status, reasons = ask(port, "/readyz")
    if status == 200:
        ANSWERED.touch()
        SILENT.unlink(missing_ok=True)
        return 0
    print(reasons or "no answer", file=sys.stderr)
    status, reasons = ask(port, "/healthz")
    process = int(INIT_CHILDREN.read_text().split()[0])
    if status == 503 or (status == 0 and has_stopped(process, time.time())):
        print(f"ended, to be started again: {reasons or 'it neither answers nor computes'}", file=sys.stderr)
        os.kill(process, signal.SIGKILL)
    elif status:
        SILENT.unlink(missing_ok=True)
    return 1


def ask(port: int, path: str) -> tuple[int, str]:
    """Return the status and the text of an answer, (0, "") if there is none."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as talk:
        talk.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        with talk.makefile("rb") as response:
            head, _, body = response.read().partition(b"\r\n\r\n")
        status = head.split(b" ")[1:2]
        return (int(status[0]), body.decode(errors="replace")) if status else (0, "")
    return 0, ""


def has_stopped(process: int, now: float) -> bool:
    """Note that a process does not answer, and return whether it has stood still for STILL_S seconds.

    now: seconds since the epoch.  A process that never answered is still starting; one that waits for the disk is not
    hanging.
    """
    if not ANSWERED.exists():
        return False
    used_s = busy_s(process)
    since, used_then_s = map(float, SILENT.read_text().split()) if SILENT.exists() else (now, -1.0)
    if used_s - used_then_s > BUSY_SHARE * (now - since) or state_of(process) == "D":
        SILENT.write_text(f"{now} {used_s}")
        return False
    return now - since >= STILL_S


if __name__ == "__main__":
    sys.exit(main())
