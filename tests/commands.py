"""Commands of the command line, run inside the test process."""

import asyncio

import typer

from shared.oncall import dlq


def run(app: typer.Typer, target: object, *arguments: str) -> int:
    """Run a command as its service does and return its exit code.  target: what its commands find as `context.obj`."""
    try:
        app(list(arguments), prog_name="test", obj=target)
    except SystemExit as end:
        return int(end.code or 0)
    raise AssertionError("a command ends with its exit code")


async def run_dlq(kafka_url: str, service: str, *arguments: str) -> int:
    """Run `dlq ...` of a service beside the loop and return its exit code."""
    return await asyncio.to_thread(run, dlq.app, dlq.Source(service, kafka_url), *arguments)
