"""The commands for people on call, given as they give them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from services.batch import __main__ as program
from tests.batch.harness import Harness
from tests.commands import run
from tests.signing import PUBLIC_KEY


def on_call(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str]:
    """Run the program as an operator does, in a thread of its own as its loop is; return exit code and output."""
    settings = {
        "KAFKA_URL": "127.0.0.1:1",
        "DATABASE_URL": harness.settings.database_url,
        "REQUESTS_DATABASE_URL": harness.settings.requests_database_url,
        "HTTP_PORT": "1",
        "PRINCIPAL_PUBLIC_KEY": PUBLIC_KEY,
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"REBALANCER_{name}", value)
    capsys.readouterr()
    with ThreadPoolExecutor(1) as thread:
        code = thread.submit(run, program.app, None, *arguments).result()
    return code, capsys.readouterr().out
