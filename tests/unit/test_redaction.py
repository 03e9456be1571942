"""Planted secrets never reach the log: through every route, every topic, exceptions of many kinds, libraries' lines."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import httpx
import psycopg
import pytest
import sqlalchemy.exc
import structlog
from aiokafka.errors import KafkaConnectionError
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from services.analyzer import routes as analyzer_routes
from services.batch import app as batch_app
from services.gateway import app as gateway_app
from services.taxlot.routes import router as taxlot_router
from shared.contracts.principal import Principal
from shared.contracts.problems import BadInput, Problem
from shared.contracts.topics import TOPICS, Topic
from shared.http.app import create_app
from shared.http.request_log import actor_of
from shared.http.routing import PROBES, routes_of
from shared.kafka.faults import Stopped, TopicHeld
from shared.kafka.messages import BadMessage, Incoming, Outgoing
from shared.kafka.processor import MessageProcessor
from shared.runtime import log, redaction
from shared.runtime.settings import ProcessorLimits

pytestmark = pytest.mark.fast
NAME, NUMBER, WORD = "Zebulon Quillfeather", "ZQX-7788991122", "hunter2horse"  # pragma: allowlist secret
SECRETS = (NAME, "Quillfeather", "quill@zebulon.example", NUMBER, "7788991122", WORD, "123-45-6789", "ticket-of-zq")
TEXT = (
    f"client {NAME} <quill@zebulon.example> SSN 123-45-6789 account {NUMBER}: password={WORD}; Cookie: id=ticket-of-zq"
    f" Authorization: Bearer ticket-of-zq GET /x?name={NAME}&token=ticket-of-zq postgresql://u:{WORD}@db/x"
)
WHO = Principal(
    subject="quill@zebulon.example", name=NAME, roles=["viewer", "trader", "approver", "operator", "admin"],
    enterprises=["E1"],
)  # fmt: skip


class _Strict(BaseModel):
    number: int


def _refused_by_pydantic() -> Exception:
    try:
        TypeAdapter(_Strict).validate_python({"number": TEXT})
    except ValidationError as error:
        return error
    raise AssertionError


def _caused() -> Exception:
    try:
        try:
            raise ValueError(TEXT)
        except ValueError as error:
            raise RuntimeError(TEXT) from error
    except RuntimeError as error:
        return error


_STATEMENT = f"INSERT INTO client (name) VALUES ('{NAME}')"
KINDS: dict[str, Callable[[], Exception]] = {
    "a value": lambda: ValueError(TEXT),
    "a key": lambda: KeyError(TEXT),
    "with a cause": _caused,
    "of a group": lambda: ExceptionGroup(TEXT, [ValueError(TEXT)]),
    "of a file": lambda: FileNotFoundError(2, TEXT, f"/home/{NAME}/{NUMBER}"),
    "of pydantic": _refused_by_pydantic,
    "of a unique key": lambda: psycopg.errors.UniqueViolation(f"duplicate key\nDETAIL: Key (name)=({TEXT})"),
    "of a text that is no number": lambda: psycopg.errors.InvalidTextRepresentation(f'invalid syntax: "{TEXT}"'),
    "of the data": lambda: psycopg.DataError(TEXT),
    "of SQLAlchemy": lambda: sqlalchemy.exc.IntegrityError(_STATEMENT, {"name": TEXT}, ValueError(TEXT)),
    "of a request": lambda: httpx.ConnectError(TEXT, request=httpx.Request("GET", f"http://x/?token={WORD}")),
    "a refusal": lambda: BadInput(TEXT, errors=[TEXT]),
    "poison": lambda: BadMessage("bad_version", TEXT),
}


class Hostile:
    """Stands for a database, a clock, settings: whatever is done with it raises an exception that quotes secrets."""

    def __init__(self, kind: Callable[[], Exception]) -> None:
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Hostile(self._kind)

    def _raise(self, *_: object, **__: object) -> Any:
        raise self._kind()

    __call__ = __await__ = __aenter__ = __enter__ = __iter__ = __getitem__ = __bool__ = __str__ = __lt__ = _raise

    async def __aexit__(self, *_: object) -> None:
        """Stand for the end of a block that never begins."""

    __exit__ = __aexit__


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Log as a service does, and return what it writes to; a field that is not in the list raises."""
    before, handlers, level = structlog.get_config(), logging.root.handlers[:], logging.root.level
    log.configure("test")
    monkeypatch.setattr(log._Process, "raises", True)
    stream = io.StringIO()
    (handler,) = logging.root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    structlog.configure(**before)
    logging.root.handlers, logging.root.level = handlers, level


def written(output: io.StringIO) -> list[dict[str, Any]]:
    """Return the lines written so far, none of which holds a secret."""
    text = output.getvalue()
    for secret in SECRETS:
        where = text.lower().find(secret.lower())
        assert where < 0, f"{secret} in {text[max(0, where - 200) : where + 200]}"
    return [json.loads(line) for line in text.splitlines()]


async def _admit(_request: object) -> Principal:
    return WHO


async def _ready() -> list[str]:
    return []


def _apps(kind: Callable[[], Exception]) -> dict[str, FastAPI]:
    nothing: Any = Hostile(kind)
    apps = {
        "gateway": gateway_app.routed(),
        "batch": batch_app.routed(_ready),
        "analyzer": create_app("analyzer", _ready, routers=[analyzer_routes.router(*[nothing] * 5)], door=_admit),
        "taxlot": create_app("taxlot", _ready, routers=[taxlot_router(nothing, nothing, nothing)], door=_admit),
    }
    for app in apps.values():
        app.state.door, app.state.dependencies = _admit, nothing
    return apps


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_no_route_writes_what_it_is_sent_or_what_fails(
    kind: Callable[[], Exception], output: io.StringIO
) -> None:
    headers = {
        "Authorization": f"Bearer {WORD}", "Cookie": f"session={WORD}", "X-Principal": WORD, "X-CSRF-Token": WORD,
        "Idempotency-Key": "ticket-of-zq", "If-Match": '"7"', "User-Agent": WORD,
    }  # fmt: skip
    body = {"selection": {"kind": "ids", "ids": [NUMBER]}, "label": NAME, "expected_count": 1, "logic": TEXT}
    asked = 0
    for app in _apps(kind).values():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for path, route in routes_of(app):
                for method, name in product(sorted(getattr(route, "methods", None) or {"GET"}), (NUMBER, NAME, "7")):
                    filled = re.sub(r"\{[^}]*\}", name, path)
                    for query in ({"name": NAME, "f": f"name.eq.{NAME}", "state": WORD, "code": WORD}, {}):
                        await client.request(method, filled, params=query, headers=headers, json=body)
                        asked += path not in PROBES
            await client.get(f"/nothing/{NAME}/{NUMBER}", params={"token": WORD})
            asked += 1
    lines = [line for line in written(output) if line["event"] == "http.answered"]
    assert len(lines) == asked
    assert {line["actor"] for line in lines if "actor" in line} == {actor_of(WHO.subject)}
    assert {line["route"] for line in lines} >= {"unmatched", "/v1/batches/{batch_id}", "/api/v1/batches/{batch_id}"}


class _Sink:
    """A publisher that loses what it is given."""

    url = broker = "127.0.0.1:1"

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Do nothing."""


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic.content is not None], ids=lambda t: t.name)
async def test_no_topic_writes_what_a_message_holds(
    topic: Topic, output: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:

    async def handle(items: Sequence[Any]) -> None:
        raise items[0].error if isinstance(items[0], _Decoded) else ValueError(TEXT)

    sink: Any = _Sink()
    limits = ProcessorLimits(retry_s=0, letters=1000, share=1.0)
    headers = (("ce_subject", NAME.encode()), ("authorization", WORD.encode()), ("traceparent", TEXT.encode()))
    values = (TEXT.encode(), json.dumps({"name": NAME, "account_id": TEXT, "version": TEXT}).encode(), None)
    async with asyncio.timeout(60):
        for value in values:
            processor = MessageProcessor("test", topic, handle, sink, limits)
            await processor.run([Incoming(topic.name, 0, 7, NUMBER.encode(), value, headers, 0)])
        for kind in KINDS.values():
            processor = MessageProcessor("test", topic, handle, sink, limits)
            monkeypatch.setattr(processor, "_decode", partial(_decoded, kind))
            monkeypatch.setattr(processor._suspects, "known", _nothing_known)
            monkeypatch.setattr(processor._suspects, "note", _nothing_noted)
            try:
                await processor.run([Incoming(topic.name, 0, 8, NUMBER.encode(), TEXT.encode(), headers, 0)])
            except (Stopped, TopicHeld):
                continue
    lines = [line for line in written(output) if line["event"] == "message.handled"]
    assert len(lines) == len(values) + len(KINDS)
    assert {line["outcome"] for line in lines} <= {"dead_letter", "deleted", "again"}


@dataclass(frozen=True)
class _Decoded:
    """An event that names a person where an id belongs, and the exception that its handler raises."""

    error: Exception
    account_id: str = TEXT
    enterprise_id: str = NAME


def _decoded(kind: Callable[[], Exception], _message: Incoming) -> _Decoded:
    return _Decoded(kind())


async def _nothing_known() -> dict[Any, Any]:
    return {}


async def _nothing_noted(*_: object) -> None:
    """Note nothing."""


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_no_exception_writes_its_text(kind: Callable[[], Exception], output: io.StringIO) -> None:
    logger = log.get("ours")
    try:
        raise kind()
    except Exception as error:  # noqa: BLE001  # of any kind
        logger.exception("part.failed", part="p")
        logger.warning("kafka.away", error=error)
        logging.getLogger("faust").error("Crashed: %r and %s", error, error, exc_info=error)
        logging.getLogger("aiokafka").error("Crashed: %(error)s", {"error": error})
    first, second, *of_libraries = written(output)
    assert first["error_type"].endswith(second["error_type"].rpartition("/")[2]) and "stack" not in second
    assert "tests/unit/test_redaction.py" in second["error_at"]
    assert [line for line in first["stack"] if "test_redaction" in line]
    assert {line["event"] for line in of_libraries} == {"library"}


def test_what_says_where_something_is_away_is_written(output: io.StringIO) -> None:
    logger = log.get("ours")
    text = 'connection to server at "127.0.0.1", port 5432 failed: Connection refused'
    logger.warning("outbox.database_away", error=psycopg.OperationalError(f"{text}\nIs the server running?"))
    logger.warning("kafka.away", error=KafkaConnectionError("Unable to bootstrap from [('broker', 9092)]"))
    logger.warning("inbox.file_gone", error=PermissionError(13, "whatever", "/a/path"))
    locked: Any = psycopg.errors.DeadlockDetected("deadlock detected\nDETAIL: Process 1")
    logger.warning("sweep.waits", error=sqlalchemy.exc.OperationalError("SELECT 1", {}, locked))
    database, broker, file, deadlock = written(output)
    assert database["error_text"] == text
    assert "('broker', 9092)" in broker["error_text"]
    assert (file["error_code"], file["error_text"]) == ("EACCES", "Permission denied")
    assert deadlock["error_type"] == "OperationalError"


def test_a_refusal_is_written_with_its_code(output: io.StringIO) -> None:
    refusal: Problem = BadInput(TEXT)
    log.get("ours").warning("http.away", error=refusal)
    (line,) = written(output)
    assert (line["error_type"], line["error_code"]) == ("BadInput", "bad_input")


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n"), min_size=12, max_size=60))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_of_an_exception_appears_whatever_it_is(output: io.StringIO, text: str) -> None:
    output.seek(0)
    output.truncate()
    try:
        raise RuntimeError(text) from KeyError(text)
    except RuntimeError as error:
        log.get("ours").error("part.failed", exc_info=error)
        logging.getLogger("uvicorn").error("failed", exc_info=error)
    for line in output.getvalue().splitlines():
        assert text not in json.loads(line).values()
        assert json.dumps(text)[1:-1] not in line or text in "RuntimeError KeyError"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abc.def", "Authorization=[redacted]"),
        ("sent Bearer abc.def to it", "sent [redacted] to it"),
        ('{"password": "a b c", "x": 1}', '{"password=[redacted]'),  # pragma: allowlist secret
        ("client_secret=abc", "client_secret=[redacted]"),  # pragma: allowlist secret
        ("GET /a/b?x=1&y=2 HTTP/1.1", "GET /a/b?[redacted] HTTP/1.1"),
        ("https://h/p?code=1", "https://h/p?[redacted]"),
        ("postgresql://user:word@host/db", "postgresql://[redacted]@host/db"),  # pragma: allowlist secret
        ("eyJhbGciOi.eyJzdWIi.c2ln", "[redacted]"),
        ("mail anna@example.test now", "mail [redacted] now"),
        ("account 12345678 of it", "account [redacted] of it"),
        ("runtime=0.123456789", "runtime=0.123456789"),
        ("offset 1234567 of it", "offset 1234567 of it"),
        ("one\ntwo", "one"),
    ],
)
def test_what_looks_like_a_secret_is_replaced(text: str, shown: str) -> None:
    assert redaction.scrubbed(text) == shown


def test_of_several_servers_each_says_why_it_does_not_serve() -> None:
    """Only the first line would say that the last one is away, and not that the first leads no longer."""
    tried = (
        'connection failed: connection to server at "127.0.0.1", port 2 failed: Connection refused\n'
        "Multiple connection attempts failed. All failures were:\n"
        "- host: 'db1', port: '1', hostaddr: '127.0.0.1': connection failed: connection to server at \"127.0.0.1\","
        " port 1 failed: session is read-only\n"
        "- host: 'db2', port: '2', hostaddr: '127.0.0.1': connection failed: connection to server at \"127.0.0.1\","
        " port 2 failed: Connection refused\n\tIs the server running on that host?"
    )
    found = redaction.error_fields(psycopg.OperationalError(tried), stack=False)
    assert found["error_text"] == "no server served: db1:1 session is read-only; db2:2 Connection refused"
