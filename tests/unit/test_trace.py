"""Which traces are continued and which begun, and that what is sent within a span names it."""

import asyncio
import string
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from shared.contracts import chunks, topics
from shared.http.request_log import request_id_of, span_of
from shared.kafka import messages
from shared.kafka.messages import Headers as MessageHeaders
from shared.kafka.messages import Incoming
from shared.runtime import trace

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"  # pragma: allowlist secret
GIVEN = f"00-{TRACE}-{SPAN}-01"
NOT_VALID = {
    "empty": "",
    "no trace id": f"00-{'0' * 32}-{SPAN}-01",
    "no parent id": f"00-{TRACE}-{'0' * 16}-01",
    "upper case": GIVEN.upper(),
    "forbidden version": GIVEN.replace("00-", "ff-", 1),
    "too short": GIVEN[:-1],
    "more than version 00 has": f"{GIVEN}-more",
    "digits of another script": GIVEN.replace("0", "٠"),
    "a line after it": f"{GIVEN}\n",
    "endless": f"01{GIVEN[2:]}-" + "x" * 1000,
}


@pytest.mark.parametrize("header", NOT_VALID.values(), ids=NOT_VALID.keys())
def test_a_header_of_another_form_begins_a_new_trace(header: str) -> None:
    span = trace.started(header)
    assert span.trace_id != TRACE and span.parent_id == ""
    assert trace.started(span.traceparent).trace_id == span.trace_id, "what we begin is valid itself"


@pytest.mark.parametrize("header", [GIVEN, f"01{GIVEN[2:]}", f"01{GIVEN[2:]}-of-a-later-version"])
def test_a_valid_header_is_continued_under_a_span_of_its_own(header: str) -> None:
    span = trace.started(header)
    assert (span.trace_id, span.parent_id) == (TRACE, SPAN) and span.span_id != SPAN
    assert span.traceparent == f"00-{TRACE}-{span.span_id}-01"


@pytest.mark.parametrize(("flags", "sent"), [("00", "00"), ("01", "01"), ("02", "00"), ("03", "01"), ("ff", "01")])
def test_the_sampled_flag_is_handed_on_alone(flags: str, sent: str) -> None:
    assert trace.started(f"00-{TRACE}-{SPAN}-{flags}").traceparent.endswith(f"-{sent}")


@given(st.text(alphabet=string.hexdigits + "-\x00\n é", max_size=600) | st.from_regex(r"[0-9a-f-]{50,60}"))
def test_whatever_is_given_what_goes_out_is_valid(header: str) -> None:
    span = trace.started(header)
    again = trace.started(span.traceparent)
    assert (again.trace_id, again.parent_id, again.is_sampled) == (span.trace_id, span.span_id, span.is_sampled)


def test_two_headers_in_a_request_are_none() -> None:
    twice = Headers(raw=[(b"traceparent", GIVEN.encode())] * 2)
    assert span_of(twice).trace_id != TRACE
    assert span_of(Headers({"Traceparent": GIVEN})).trace_id == TRACE


def test_a_request_is_named_by_its_trace_and_by_its_span_where_a_client_brings_the_trace() -> None:
    own, given_ = trace.started(), trace.started(GIVEN)
    assert request_id_of(Headers(), own) == own.trace_id
    assert request_id_of(Headers(), given_) == f"{TRACE}-{given_.span_id}"
    assert request_id_of(Headers({"X-Request-Id": "mine-1"}), given_) == "mine-1"
    assert request_id_of(Headers({"X-Request-Id": "not plain\x00"}), own) == own.trace_id


def _received(*headers: tuple[str, bytes | None]) -> Incoming:
    return Incoming(topics.FLAGS.name, 0, 0, b"k", b"", headers, 0)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((trace.HEADER, None),),
        ((trace.HEADER, b"\xff\xfe"),),
        ((trace.HEADER, GIVEN.encode()), (trace.HEADER, GIVEN.encode())),
    ],
)
def test_a_message_without_one_valid_header_begins_a_trace_once(headers: MessageHeaders) -> None:
    message = _received(*headers)
    assert message.span.trace_id != TRACE and message.span is message.span


def test_a_message_continues_the_trace_of_its_header() -> None:
    assert _received((trace.HEADER, GIVEN.encode())).span.parent_id == SPAN


def test_messages_of_one_trace_are_handled_in_it_and_others_in_one_of_their_own() -> None:
    named, other = _received((trace.HEADER, GIVEN.encode())), _received()
    assert trace.of_group([named.span]) is named.span
    assert trace.of_group([named.span, _received((trace.HEADER, GIVEN.encode())).span]) is named.span
    mixed = trace.of_group([named.span, other.span])
    assert mixed.trace_id not in (named.span.trace_id, other.span.trace_id)
    assert trace.of_group([]).parent_id == ""


def test_all_processes_that_work_on_one_thing_are_in_one_trace() -> None:
    assert trace.named("run", 7).trace_id == trace.named("run", 7).trace_id != trace.named("file", 7).trace_id
    assert trace.named("run", 7).span_id != trace.named("run", 7).span_id
    assert trace.started(trace.named("run", 7).traceparent).parent_id


async def test_a_message_names_the_span_within_which_it_is_made_also_in_a_thread() -> None:
    rows = pa.RecordBatch.from_pylist([], schema=chunks.FLAGS)

    def made() -> str | None:
        at = datetime(2026, 6, 12, tzinfo=UTC)
        sent = messages.chunk(topics.FLAGS, "k", rows, {}, event_id="e", source="analyzer", at=at)
        return sent.headers.get(trace.HEADER)

    span = trace.started(GIVEN)
    with trace.within(span):
        with trace.within(None):
            assert await asyncio.to_thread(made) == span.traceparent
        with trace.within(inner := trace.started()):
            assert made() == inner.traceparent
        assert made() == span.traceparent
    assert made() is None and trace.current() is None
