"""Loading the sample book into a fresh stack, once."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer

from deploy.stack.errors import StackError
from deploy.stack.layout import CHECKOUT, read_json, write_json
from deploy.stack.stack import Stack
from shared.contracts.events import FileProcessed
from shared.contracts.topics import ACCOUNT_FLAG, FILES

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
    with stack.steps.step("publishing its events and files"):
        _sample(stack, "load", str(place))
    with stack.steps.step("waiting until its accounts are flagged"):
        asyncio.run(_taken_in(stack.addresses.kafka, {file.name for file in (place / "files").glob("*.lots")}))
    with stack.steps.step("running the first daily analysis"):
        _analyse(stack)
    write_json(stack.layout.state_file, {**read_json(stack.layout.state_file), "book": {"accounts": accounts}})


def loaded(stack: Stack) -> bool:
    """Return whether the book was loaded."""
    return bool(read_json(stack.layout.state_file).get("book"))


async def _taken_in(kafka_url: str, files: set[str]) -> None:
    """Wait as any outside subscriber would: for the outcome of every file and for a first flag.

    Raises StackError when a file is refused or nothing comes in time.
    """
    consumer = AIOKafkaConsumer(
        FILES.name, ACCOUNT_FLAG.name, bootstrap_servers=kafka_url, auto_offset_reset="earliest", group_id=None
    )
    flagged = False
    await consumer.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while files or not flagged:
                record = await consumer.getone()
                if record.topic == ACCOUNT_FLAG.name:
                    flagged = True
                    continue
                outcome = FileProcessed.model_validate_json(record.value)
                if outcome.outcome == "REFUSED":
                    raise StackError(f"taxlot refused {outcome.file_name}: {outcome.reason}")
                files.discard(outcome.file_name)
    except TimeoutError as error:
        waiting = f"these files: {', '.join(sorted(files))}" if files else "a first flag"
        raise StackError(
            f"the sample book was published, but nothing said within {PATIENCE_S:.0f} s: {waiting}"
        ) from error
    finally:
        await consumer.stop()


def _analyse(stack: Stack) -> None:
    """Start an analysis of the whole book and wait for its end.  Raises StackError when it does not come in time."""
    _run(stack.env_of("analyzer"), "services.analyzer", "analyze")


def _sample(stack: Stack, *arguments: str) -> None:
    _run(stack.env, "deploy.sample", *arguments)


def _run(env: Mapping[str, str], module: str, *arguments: str) -> None:
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=CHECKOUT,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(f"{module} {arguments[0]} took longer than {PATIENCE_S:.0f} s") from error
    if done.returncode != 0:
        raise StackError(f"{module} {arguments[0]} failed:\n{(done.stdout + done.stderr)[-3000:]}")
