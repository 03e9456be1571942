"""The lists of the log's fields and events are closed: every call keeps to them, and every entry is used."""

import ast
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.stack.layout import CHECKOUT
from shared.contracts import topics
from shared.kafka.message_log import MessageLog
from shared.kafka.messages import Incoming
from shared.runtime import log, log_fields, redaction, trace
from shared.runtime.log_events import CANONICAL, EVENTS
from shared.runtime.log_fields import FIELDS, FORMS, RefusedValue, admitted
from tests.unit.source_files import python_files

pytestmark = pytest.mark.fast
METHODS = {"debug", "info", "warning", "error", "critical", "exception"}
OF_EXCEPTIONS = {"error", "exc_info"}
# Fields that are not keywords of a call: added to every line, made of exceptions, or built in a dict.
ADDED = {
    "accounts", "actor", "age_ms", "attempts", "batch_id", "bytes", "bytes_in", "dropped", "duration_ms",
    "enterprise", "error_at", "error_code", "error_text", "error_type", "event", "group_trace_id", "key",
    "level", "logger", "message", "offset", "outcome", "parent_id", "partition", "price_set", "request_id",
    "rows", "service", "span_id", "stack", "status", "suppressed", "topic", "trace_id", "ts", "version",
}  # fmt: skip


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of a method of `_log`, with where it is."""
    for path in python_files("services", "shared", "deploy"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in METHODS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "_log"
            ):
                yield f"{path.relative_to(CHECKOUT)}:{node.lineno}", node


def test_every_call_names_an_event_of_the_list_as_it_stands_there() -> None:
    wrong = [
        where
        for where, call in calls()
        if not (len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value in EVENTS)
    ]
    assert not wrong, f"{wrong}: declare the event in shared/runtime/log_events.py, and write it as a plain string"


def test_every_call_has_fields_of_the_list_only() -> None:
    wrong = [
        f"{where} {keyword.arg}"
        for where, call in calls()
        for keyword in call.keywords
        if keyword.arg is not None and keyword.arg not in FIELDS.keys() | OF_EXCEPTIONS
    ]
    assert not wrong, f"{wrong}: no line may have such a field; declare it in shared/runtime/log_fields.py if it may"


def test_no_call_writes_the_text_of_an_exception() -> None:
    wrong = [
        where
        for where, call in calls()
        for node in ast.walk(call)
        if (isinstance(node, ast.Name) and node.id == "repr")
        or (isinstance(node, ast.Attribute) and node.attr in ("text", "detail"))
    ]
    assert not wrong, f"{wrong}: give the exception itself as error= or exc_info="


def test_every_event_and_field_of_the_lists_is_used() -> None:
    events = {call.args[0].value for _, call in calls() if isinstance(call.args[0], ast.Constant)}
    assert EVENTS.keys() - events == {"message.handled", log.LIBRARY, "log.unknown"}
    fields = {keyword.arg for _, call in calls() for keyword in call.keywords if keyword.arg} - OF_EXCEPTIONS
    assert FIELDS.keys() - fields - ADDED == set()
    assert set(CANONICAL) <= EVENTS.keys()
    assert {field.form for field in FIELDS.values()} == FORMS.keys()


def test_no_other_way_leads_into_the_log() -> None:
    allowed = {CHECKOUT / "shared" / "runtime" / "log.py"}
    wrong = []
    for path in python_files("services", "shared"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            if isinstance(node, ast.ImportFrom):
                names = {node.module or ""}
            if names & {"logging", "structlog", "warnings"} and path not in allowed:
                wrong.append(str(path.relative_to(CHECKOUT)))
    assert wrong == ["shared/http/request_log.py"], "it binds the request's id, nothing else"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_name", "Anna"),
        ("account_number", "1234"),
        ("status", "Anna Advisor"),
        ("account_id", "a b"),
        ("account_id", "x" * 65),
        ("topic", "a?token=1"),
        ("rows", "12"),
        ("rows", True),
        ("stuck", "one text"),
        ("stuck", ["two words"]),
        ("enterprise", "E1"),
    ],
)
def test_what_has_no_field_or_not_its_form_is_left_out(name: str, value: Any) -> None:
    written, refused = admitted({name: value, "rows" if name != "rows" else "files": 3})
    assert name not in written and len(written) == 1 and len(refused) == 1
    assert str(value) not in refused[0] and log_fields.refusal(name, value) == refused[0]


def test_a_value_that_nobody_knows_is_left_out_silently() -> None:
    assert admitted({"rows": None, "pid": None, "topic": "t"}) == ({"topic": "t"}, [])


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"event": "inbox.pruned", "file": "FIDX_20260611.lots"}, {"file": "FIDX_20260611.lots"}),
        ({"event": "inbox.pruned", "file": "Anna's file.lots"}, {"file": "[not shown]"}),
        ({"event": "inbox.pruned", "colour": "red", "files": 1}, {"files": 1, "dropped": 1}),
        ({"event": "something.else", "files": 1}, {"event": "log.unknown", "files": 1, "dropped": 1}),
        ({"event": "kafka.away", "error": "a text"}, {"dropped": 1}),
    ],
)
def test_in_production_a_refused_field_costs_the_field_and_not_the_line(
    fields: dict[str, Any], shown: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log._Process, "raises", False)
    assert log.check(None, "info", fields) == {"event": fields["event"]} | shown


def test_in_a_test_a_refused_field_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log._Process, "raises", True)
    with pytest.raises(log.RefusedField, match="colour is not in the list"):
        log.check(None, "info", {"event": "inbox.pruned", "colour": "red"})


def test_the_lines_of_messages_keep_to_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(
        log, "write_lines", lambda event, common, rest: lines.extend({**common, **line} for line in rest)
    )
    given = ((trace.HEADER, trace.started().traceparent.encode()),)
    messages = [Incoming(topics.FLAGS.name, 1, offset, b"k", b"value", given, 0) for offset in range(3)]
    messages.append(Incoming(topics.FLAGS.name, 1, 3, b"k", None, (), 0))
    of_group = MessageLog(topics.FLAGS, messages, trace.of_group([message.span for message in messages]))
    of_group.ended(messages[0], "ok")
    of_group.ended(messages[1], "dead_letter", "invalid_chunk")
    of_group.ended(messages[3], "deleted")
    of_group.retried()
    of_group.write()
    assert [line["outcome"] for line in lines] == ["ok", "dead_letter", "again", "deleted"]
    assert {line["attempts"] for line in lines} == {2} and lines[1]["code"] == "invalid_chunk"
    assert len({line["group_trace_id"] for line in lines}) == 1 and "parent_id" not in lines[3]
    for line in lines:
        assert admitted(line) == (line, [])


def test_every_form_refuses_what_is_none_of_it() -> None:
    for form in ("number", "word", "words", "id", "ids"):
        with pytest.raises(RefusedValue):
            FORMS[form](object())
    assert FORMS["note"]("password=hunter2 and more") == "password=[redacted]"
    assert redaction.scrubbed("x" * 1000) == "x" * 300
