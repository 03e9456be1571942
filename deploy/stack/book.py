"""Loading the sample book into a fresh stack, once."""

import asyncio
import subprocess
import sys
import time

import httpx
from aiokafka import AIOKafkaConsumer

from deploy.stack.errors import StackError
from deploy.stack.layout import CHECKOUT, read_json, write_json
from deploy.stack.stack import Stack
from shared.contracts.events import FileProcessed
from shared.contracts.topics import ACCOUNT_FLAG, FILES

PATIENCE_S = 300.0
POLL_S = 0.1


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
        _analyse(stack.urls["analyzer"])
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


def _analyse(analyzer: str) -> None:
    """Start an analysis of the whole book and wait for its end.  Raises StackError when it does not come in time."""
    until = time.monotonic() + PATIENCE_S
    with httpx.Client(base_url=analyzer, timeout=30) as client:
        run = client.post("/v1/runs").raise_for_status().json()["run_id"]
        while (seen := client.get("/v1/runs/latest").json())["run_id"] == run and not seen["finished_at"]:
            if time.monotonic() > until:
                raise StackError(f"the analysis {run} did not end within {PATIENCE_S:.0f} s: {seen}")
            time.sleep(POLL_S)


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
