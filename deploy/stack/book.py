"""Loading the sample book into a fresh stack, once."""

import asyncio
import sys
from collections.abc import Mapping

from deploy.sample.taken_in import Refused, taken_in
from deploy.stack.activity import QUIET_S
from deploy.stack.errors import StackError
from deploy.stack.finishing import begin, finish
from deploy.stack.layout import read_json, write_json
from deploy.stack.stack import Stack
from shared.contracts.rights import PLATFORM


def load(stack: Stack, accounts: int) -> None:
    """Write the book of the last closed session and load it through platform topics and inbox, unless it is loaded.

    Raises StackError with the generator's output if it fails.
    """
    if loaded(stack):
        return
    folder = stack.layout.state / "sample"
    with stack.steps.step(f"writing the sample book ({accounts} accounts)"):
        _sample(stack, "--accounts", str(accounts), "--out", str(folder))
    with stack.steps.step("publishing its events and files"):
        _sample(stack, "load", str(folder))
    with stack.steps.step("waiting until its accounts are flagged"):
        asyncio.run(_taken_in(stack, {file.name for file in (folder / "files").glob("*.lots")}))
    with stack.steps.step("running the first daily analysis"):
        _analyse(stack)
    write_json(stack.layout.state_file, {**read_json(stack.layout.state_file), "book": {"accounts": accounts}})


def loaded(stack: Stack) -> bool:
    """Return whether the book was loaded."""
    return bool(read_json(stack.layout.state_file).get("book"))


async def _taken_in(stack: Stack, files: set[str]) -> None:
    """Wait until every file is taken in and a first account is flagged.

    Raises StackError if a file is refused, or if no service is active any more before that.
    """

    async def idle() -> None:
        if (quiet_s := await asyncio.to_thread(stack.quiet_s)) > QUIET_S:
            waiting = f"these files: {', '.join(sorted(files))}" if files else "a first flag"
            raise StackError(f"no service has moved for {quiet_s:.0f} s, and nothing was said of {waiting}")

    try:
        await taken_in(stack.addresses.broker(PLATFORM), files, idle)
    except Refused as error:
        raise StackError(str(error)) from error


def _analyse(stack: Stack) -> None:
    """Start an analysis of the whole book and wait for its end.  Raises StackError if it does not end."""
    _run(stack, stack.env_of("analyzer"), "services.analyzer", "analyze")


def _sample(stack: Stack, *arguments: str) -> None:
    _run(stack, stack.env, "deploy.sample", *arguments)


def _run(stack: Stack, env: Mapping[str, str], module: str, *arguments: str) -> None:
    process = begin([sys.executable, "-m", module, *arguments], env)
    finish(process, f"{module} {arguments[0]}", others_quiet_s=stack.quiet_s)
