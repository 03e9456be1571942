"""Loading the sample book into a fresh stack, once."""

import subprocess
import sys

from deploy.stack.errors import StackError
from deploy.stack.layout import CHECKOUT, read_json, write_json
from deploy.stack.stack import Stack

PATIENCE_S = 300.0


def load(stack: Stack, accounts: int) -> None:
    """Write the book of the last closed session and feed it to the platform topics and the inbox, unless done before.

    Raises StackError with the generator's words when it fails.
    """
    if loaded(stack):
        return
    place = stack.layout.state / "sample"
    with stack.steps.step(f"writing the sample book ({accounts} accounts)"):
        _sample(stack, "--accounts", str(accounts), "--out", str(place))
    with stack.steps.step("loading it"):
        _sample(stack, "load", str(place))
    write_json(stack.layout.state_file, {**read_json(stack.layout.state_file), "book": {"accounts": accounts}})


def loaded(stack: Stack) -> bool:
    """Return whether the book was loaded."""
    return bool(read_json(stack.layout.state_file).get("book"))


def _sample(stack: Stack, *arguments: str) -> None:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "deploy.sample", *arguments],
            cwd=CHECKOUT,
            env=stack.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(f"the sample book took longer than {PATIENCE_S:.0f} s") from error
    if done.returncode != 0:
        raise StackError(f"deploy.sample {arguments[0]} failed:\n{(done.stdout + done.stderr)[-3000:]}")
