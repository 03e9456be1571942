"""Whose fault it is: nothing is put aside because we are wrong, and one message that we cannot do never stops all."""

import base64
import hashlib
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace

import orjson
import psycopg
import pytest
from psycopg import errors

from shared.contracts import topics
from shared.contracts.platform import PricesPublished
from shared.contracts.topics import MIB
from shared.kafka import dead_letter_window, topic_hold
from shared.kafka.faults import Stopped, TopicHeld
from shared.kafka.messages import BadMessage, Headers, Incoming
from shared.kafka.processor import Handler, MessageProcessor
from shared.kafka.publisher import Publisher
from shared.kafka.suspects import Suspects
from shared.runtime.settings import ProcessorLimits
from tests.commands import run_dlq
from tests.runtime.harness import dead_letters_now, dead_letters_of, price_set

pytestmark = pytest.mark.asyncio
LIMITS = ProcessorLimits(retry_s=0.2, starts=2, letters=1000, share=1.0)
OURS = [AttributeError("'NoneType' has no attribute 'decode'"), KeyError("enterprise"), MemoryError()]
OUTSIDE = [
    errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction"),
    errors.UndefinedColumn("column does not exist"),
    errors.UndefinedTable("relation does not exist"),
    errors.InsufficientPrivilege("permission denied"),
    errors.FeatureNotSupported("cached plan must not change result type"),
    errors.BadCopyFileFormat("row field count is 3, expected 2"),
    errors.AdminShutdown("terminating connection"),
]


@pytest.fixture
def origin() -> int:
    """An offset far beyond any real one: letters and suspects of one test are told apart by it."""
    return 1000 * (10_000_000 + uuid.uuid4().int % 1_000_000_000)


def _message(offset: int, number: int = 1, value: bytes | None = None, headers: Headers = ()) -> Incoming:
    return Incoming(topics.PRICE.name, 0, offset, b"1", value or price_set(number).value, headers, 0)


class Rule:
    """A handler that raises for some price sets, and keeps the others."""

    def __init__(self, fault: Exception, fails: Callable[[int], bool]) -> None:
        self.done: list[int] = []
        self.mended = False
        self.calls = 0
        self._fault = fault
        self._fails = fails

    async def handle(self, items: Sequence[PricesPublished]) -> None:
        """Raise when one of the items is to fail."""
        self.calls += 1
        for item in items:
            if self._fails(item.price_set) and not self.mended:
                raise self._fault
        self.done += [item.price_set for item in items]


def _guard(publisher: Publisher, handler: Handler, limits: ProcessorLimits = LIMITS) -> MessageProcessor:
    """Return the processor of a process that has just been started."""
    return MessageProcessor("gateway", topics.PRICE, handler, publisher, limits)


@pytest.mark.parametrize("fault", [*OUTSIDE, *OURS], ids=lambda fault: type(fault).__name__)
async def test_what_fails_for_all_stops_the_process_and_puts_nothing_aside(
    kafka_url: str, origin: int, fault: Exception
) -> None:
    """Until it is mended, however many new starts it takes; then all is done, in order."""
    group = [_message(origin + index, 1 + index) for index in range(3)]
    broken = Rule(fault, lambda _: True)
    async with Publisher(kafka_url, "gateway") as publisher:
        for _ in range(LIMITS.starts + 2):
            with pytest.raises((Stopped, TopicHeld)):
                await _guard(publisher, broken.handle).run(group)
        mended = Rule(fault, lambda _: False)
        await _guard(publisher, mended.handle).run(group)
    assert broken.done == []
    assert mended.done == [1, 2, 3]
    assert await dead_letters_now(kafka_url, origin) == []


@pytest.mark.parametrize("fault", OURS, ids=lambda fault: type(fault).__name__)
async def test_one_message_that_we_cannot_do_costs_some_starts_and_then_itself(
    kafka_url: str, origin: int, fault: Exception
) -> None:
    group = [_message(origin + index, 1 + index) for index in range(3)]
    rule = Rule(fault, lambda number: number == 1)
    async with Publisher(kafka_url, "gateway") as publisher:
        for _ in range(LIMITS.starts):
            with pytest.raises(Stopped):
                await _guard(publisher, rule.handle).run(group)
            assert rule.done[-2:] == [2, 3], "the others are done at once"
        assert await dead_letters_now(kafka_url, origin) == []
        await _guard(publisher, rule.handle).run(group)
    (value, headers), *others = await dead_letters_of(kafka_url, origin, 1)
    assert not others
    assert (value, headers["dlq-code"], headers["dlq-offset"]) == (group[0].value, "our_fault", str(origin))


async def test_a_message_that_stands_alone_is_held_and_the_process_goes_on(kafka_url: str, origin: int) -> None:
    """Nothing says whether it is the message or all of them: it is neither put aside nor does it cost more starts."""
    rule = Rule(KeyError("one"), lambda _: True)
    async with Publisher(kafka_url, "gateway") as publisher:
        for _ in range(LIMITS.starts):
            with pytest.raises(Stopped):
                await _guard(publisher, rule.handle).run([_message(origin)])
        processor = _guard(publisher, rule.handle)
        for _ in range(2):
            with pytest.raises(TopicHeld) as held:
                await processor.run([_message(origin)])
            assert held.value.again_s is not None
        assert str(origin) in (processor.held or "")
        await Suspects(kafka_url, "gateway").skip(topics.PRICE.name, 0, origin, "kim: looked at, see 4711")
        await processor.run([_message(origin)])
        assert processor.held is None
    ((_, headers),) = await dead_letters_of(kafka_url, origin, 1)
    assert (headers["dlq-code"], headers["dlq-reason"]) == ("skipped", "skipped by hand: kim: looked at, see 4711")


async def test_somebody_on_call_can_skip_one_message_whatever_is_wrong_with_it(kafka_url: str, origin: int) -> None:
    rule = Rule(errors.UndefinedColumn("no such column"), lambda number: number == 2)
    async with Publisher(kafka_url, "gateway") as publisher:
        group = [_message(origin + index, 1 + index) for index in range(3)]
        await Suspects(kafka_url, "gateway").skip(topics.PRICE.name, 0, origin + 1, "kim")
        await _guard(publisher, rule.handle).run(group)
    assert sorted(rule.done) == [1, 3]
    assert [headers["dlq-offset"] for _, headers in await dead_letters_of(kafka_url, origin, 1)] == [str(origin + 1)]


@pytest.mark.parametrize(
    "fault",
    [
        errors.NumericValueOutOfRange("integer out of range"),
        psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"),
        errors.StringDataRightTruncation("value too long"),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_a_value_that_the_database_refuses_is_put_aside_alone(
    kafka_url: str, origin: int, fault: Exception
) -> None:
    rule = Rule(fault, lambda number: number == 2)
    async with Publisher(kafka_url, "gateway") as publisher:
        await _guard(publisher, rule.handle).run([_message(origin + index, 1 + index) for index in range(3)])
    assert rule.done == [1, 3]
    ((_, headers),) = await dead_letters_of(kafka_url, origin, 1)
    assert (headers["dlq-code"], headers["dlq-offset"]) == ("refused_by_database", str(origin + 1))


@pytest.mark.parametrize(
    ("limits", "good", "bad", "letters"),
    [
        (ProcessorLimits(letters=5, share=1.0), 0, 30, 5),
        (ProcessorLimits(letters=1000, share=0.2), 30, 60, 20),  # beyond a share from the 20th on
        (ProcessorLimits(letters=1000, share=0.2), 200, 40, 40),  # 40 of 240 are no burst
    ],
)
async def test_a_burst_of_dead_letters_holds_the_topic(
    kafka_url: str, origin: int, limits: ProcessorLimits, good: int, bad: int, letters: int
) -> None:
    rule = Rule(KeyError(), lambda _: False)
    group = [_message(origin + index, 1 + index) for index in range(good)]
    group += [_message(origin + good + index, value=b"{not json") for index in range(bad)]
    async with Publisher(kafka_url, "gateway") as publisher:
        processor = _guard(publisher, rule.handle, limits)
        if letters == bad:
            await processor.run(group)
            assert processor.held is None
        else:
            for _ in range(2):
                with pytest.raises(TopicHeld, match="were put aside"):
                    await processor.run(group)
            assert "were put aside" in (processor.held or "")
    assert (
        len(await dead_letters_of(kafka_url, origin, letters))
        == letters
        == len(await dead_letters_now(kafka_url, origin))
    )


async def test_a_topic_held_by_a_burst_goes_on_by_itself_when_the_cause_is_gone(
    kafka_url: str, origin: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried again while the cause is still there it puts nothing aside, and waits twice as long each time."""
    now_s = [0.0]
    for module in (topic_hold, dead_letter_window):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    refuses = Rule(BadMessage("refused", "our table is empty"), lambda number: number > 100)
    group = [_message(origin + index, 101 + index) for index in range(10)]
    async with Publisher(kafka_url, "gateway") as publisher:
        limits = ProcessorLimits(letters=3, share=1.0, pause_s=300.0, pause_most_s=1000.0)
        processor = _guard(publisher, refuses.handle, limits)
        with pytest.raises(TopicHeld, match=r"3 of the 10 messages .* tried again in 300 s"):
            await processor.run(group)
        for pause_s, then_s in ((300, 600), (600, 1000), (1000, 1000)):
            now_s[0] += pause_s - 1
            calls = refuses.calls
            with pytest.raises(TopicHeld):
                await processor.run(group)
            assert refuses.calls == calls, "it is not time yet"
            now_s[0] += 1
            with pytest.raises(TopicHeld, match=rf"would be put aside as well; it is tried again in {then_s} s"):
                await processor.run(group)
        refuses.mended, now_s[0] = True, now_s[0] + 1000
        await processor.run(group)
        assert (processor.held, refuses.done) == (None, list(range(101, 111)))
        refuses.mended = False
        with pytest.raises(TopicHeld, match="as well"):  # on trial for a minute
            await processor.run(group)
        assert len(await dead_letters_now(kafka_url, origin)) == 3
        refuses.mended, now_s[0] = True, now_s[0] + 1000
        await processor.run(group)
        refuses.mended, now_s[0] = False, now_s[0] + dead_letter_window.WINDOW_S + 1
        await processor.run(group[3:4])
        assert processor.held is None
    assert len(await dead_letters_of(kafka_url, origin, 4)) == 4


async def test_a_topic_held_by_a_burst_is_released_by_hand(kafka_url: str, origin: int) -> None:
    """Only by what is said after it was held, and only once; what is beyond the number given counts again."""
    limits = ProcessorLimits(letters=3, share=1.0, look_s=0.0)
    topic, gateway = topics.QUEUE.name, partial(run_dlq, kafka_url, "gateway")
    group = [Incoming(topic, 0, origin + index, b"1", b"{not json", (), 0) for index in range(12)]
    rule = Rule(KeyError(), lambda _: False)
    async with Publisher(kafka_url, "gateway") as publisher:
        assert await gateway("release", topic, "--who", "kim: too early") == 0
        processor = MessageProcessor("gateway", topics.QUEUE, rule.handle, publisher, limits)
        for _ in range(3):
            with pytest.raises(TopicHeld):
                await processor.run(group)
        assert len(await dead_letters_of(kafka_url, origin, 3)) == 3
        assert await gateway("release", "nothing", "--who", "kim") == 1
        assert await gateway("release", topic, "--who", "kim: a bad sender", "--letters", "2") == 0
        for _ in range(3):
            with pytest.raises(TopicHeld):
                await processor.run(group[3:])
        assert len(await dead_letters_of(kafka_url, origin, 8)) == 8
        assert await gateway("release", topic, "--who", "kim: all of them", "--letters", "100") == 0
        await processor.run(group[8:])
        assert processor.held is None
    assert len(await dead_letters_now(kafka_url, origin)) == 12


async def test_a_letter_carries_the_headers_as_they_were(kafka_url: str, origin: int) -> None:
    """Null beside bytes that cannot be decoded ended the process; a name twice, or one of the letter's own, as well."""
    odd = (("ce_id", b"x"), ("empty", None), ("twice", b"1"), ("twice", b"2"), ("raw", b"\xff\x00"), ("dlq-code", b"?"))
    plain = (("ce_id", b"x"), ("", b""), ("name\r\n", "é".encode()))
    rule = Rule(KeyError(), lambda _: False)
    async with Publisher(kafka_url, "gateway") as publisher:
        group = [_message(origin, value=b"{", headers=odd), _message(origin + 1, value=b"{", headers=plain)]
        await _guard(publisher, rule.handle).run([*group, _message(origin + 2)])
    assert rule.done == [1]
    (_, first), (_, second) = await dead_letters_of(kafka_url, origin, 2)
    assert [
        (name, None if value is None else base64.b64decode(value)) for name, value in orjson.loads(first["dlq-headers"])
    ] == list(odd)
    assert first["dlq-code"] == "invalid_event"
    assert {name: second[name] for name, _ in plain} == {name: value.decode() for name, value in plain}


@pytest.mark.parametrize("size", [4 * MIB - 1000, 4 * MIB - 80])
async def test_a_message_too_large_for_a_letter_leaves_a_stub(kafka_url: str, origin: int, size: int) -> None:
    rule = Rule(KeyError(), lambda _: False)
    value = b"x" * size
    async with Publisher(kafka_url, "gateway") as publisher:
        await _guard(publisher, rule.handle).run([_message(origin, value=value), _message(origin + 1)])
    assert rule.done == [1]
    ((stub, headers),) = await dead_letters_of(kafka_url, origin, 1)
    assert stub == b""
    assert headers["dlq-size"] == str(size + 1)  # and its key
    assert headers["dlq-sha256"] == hashlib.sha256(value).hexdigest()
    assert (headers["dlq-topic"], headers["dlq-partition"], headers["dlq-offset"]) == (
        topics.PRICE.name,
        "0",
        str(origin),
    )


async def test_the_end_of_a_key_is_no_event(kafka_url: str, origin: int) -> None:
    """A tombstone is how a bad message of a compacted topic is deleted; elsewhere a message without value is none."""
    rule = Rule(KeyError(), lambda _: False)
    async with Publisher(kafka_url, "gateway") as publisher:
        accounts = MessageProcessor("gateway", topics.ACCOUNT, rule.handle, publisher, LIMITS)
        await accounts.run([Incoming(topics.ACCOUNT.name, 0, origin, b"A1", None, (("why", None),), 0)])
        prices = _guard(publisher, rule.handle)
        await prices.run([Incoming(topics.PRICE.name, 0, origin + 1, None, None, (("why", None),), 0)])
    assert rule.done == []
    ((_, headers),) = await dead_letters_of(kafka_url, origin, 1)
    assert (headers["dlq-offset"], headers["dlq-null"]) == (str(origin + 1), "key,value")
