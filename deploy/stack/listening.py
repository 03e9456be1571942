"""Which process listens on a loopback port: a response to a probe counts only if it comes from the probed process.

Two stacks that start at the same moment may choose the same port, and a process of an earlier stack may still hold one.
Then our process cannot listen and ends, and another one responds on its port.
"""

import os
from contextlib import suppress
from pathlib import Path

_LISTENING = "0A"


def listens(pid: int, port: int) -> bool:
    """Return whether the process itself listens on the port; False also when it is gone."""
    wanted = {f"socket:[{inode}]" for inode in _sockets(port)}
    if not wanted:
        return False
    with suppress(OSError):
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if os.readlink(handle) in wanted:  # noqa: PTH115  # the name of a socket is no path
                    return True
    return False


def _sockets(port: int) -> set[str]:
    """Return the inodes of the sockets that listen on the port.  Source: proc_pid_net(5), /proc/net/tcp."""
    found = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(fields[9])
    return found
