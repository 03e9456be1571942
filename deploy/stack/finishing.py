"""Running one of our programs to its end, however long it takes, as long as it is active."""

import math
import subprocess
from collections.abc import Callable, Mapping
from threading import Thread

from deploy.stack.activity import QUIET_S, Activity, description
from deploy.stack.errors import StackError
from deploy.stack.layout import CHECKOUT

_LOOK_S = 1.0


def begin(command: list[str], env: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start a program in the checkout, with pipes for what it reads and writes."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=CHECKOUT, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def finish(
    process: "subprocess.Popen[str]",
    what: str,
    given: str = "",
    quiet_s: float = QUIET_S,
    others_quiet_s: Callable[[], float] = lambda: math.inf,
) -> str:
    """Give the process its input and return its output.

    others_quiet_s: for how long the processes it waits for have been inactive.  Raises StackError with its last output
    if it fails, or if it and those processes are inactive for quiet_s.
    """
    activity, output = Activity(process.pid), list[str]()
    talk = Thread(target=_talk, args=(process, given, output), daemon=True)
    talk.start()
    while talk.is_alive():
        talk.join(_LOOK_S)
        activity.look()
        seen = activity.describe()
        if talk.is_alive() and seen["quiet_s"] > quiet_s and others_quiet_s() > quiet_s:
            process.kill()
            talk.join()
            raise StackError(f"{what} stands still: {description(seen)}; its last words:\n{''.join(output)[-3000:]}")
    if process.returncode != 0:
        raise StackError(f"{what} failed:\n{''.join(output)[-3000:]}")
    return output[0]


def _talk(process: "subprocess.Popen[str]", given: str, output: list[str]) -> None:
    output.extend(process.communicate(given))
