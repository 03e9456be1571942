"""The step that compiles the kernels of all services, before a process starts that needs them."""

import subprocess
import sys
from collections import deque

from deploy import kernels
from deploy.stack.errors import StackError
from deploy.stack.layout import CHECKOUT, inherited
from deploy.stack.steps import Silent


def compile_kernels(steps: Silent) -> None:
    """Compile missing kernels in a process of its own and show every kernel.

    There is no deadline, because a slow machine takes minutes.  Raises StackError with the last output if it fails.
    """
    if not kernels.missing():
        return
    with (
        steps.step("compiling kernels"),
        subprocess.Popen(
            [sys.executable, "-m", "deploy.kernels"],
            cwd=CHECKOUT,
            env=inherited(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        last_lines: deque[str] = deque(maxlen=30)
        for line in process.stdout or ():
            last_lines.append(line)
            steps.progress(line.strip().removeprefix("compiling kernels: "))
        if process.wait() != 0:
            raise StackError(f"the kernels could not be compiled:\n{''.join(last_lines)}")
