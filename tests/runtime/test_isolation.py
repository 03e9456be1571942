"""When our code raises at a few accounts each fails alone; at too many it is our fault, and none does."""

import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.proposer import handlers as proposer
from shared.contracts import chunks, codec, topics
from shared.kafka.failure_limit import FEW, ONE_IN, TooMany, isolate_every_fault
from shared.kafka.faults import Stopped, TopicHeld
from shared.kafka.isolation import OUR_FAULT, _recent, halves, isolate
from shared.kafka.messages import Incoming, Outgoing
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from shared.runtime.clock import clock_of
from shared.runtime.settings import ProcessorLimits
from tests.proposer.harness import batch_of
from tests.proposer.strategies import generated
from tests.runtime.harness import dead_letters_now

LIMITS = ProcessorLimits(retry_s=0.1, starts=2, letters=1000, share=1.0)
Row = dict[str, Any]


class Work:
    """Doubles numbers, but for those at which it raises; `held` are those that failed alone."""

    def __init__(self, fails: Callable[[int], bool]) -> None:
        self.what = uuid.uuid4().hex
        self.calls = 0
        self.held: list[int] = []
        self._fails = fails

    def do(self, numbers: Sequence[int]) -> list[int]:
        """Return what comes out for these numbers, in order."""
        results = isolate(self.what, numbers, halves, self._double, self._hold)
        return [number for part in results for number in part]

    def _double(self, numbers: Sequence[int]) -> list[int]:
        self.calls += 1
        if any(map(self._fails, numbers)):
            raise IndexError("index 7 is out of bounds")
        return [2 * number for number in numbers]

    def _hold(self, alone: Sequence[int], error: Exception) -> list[int]:
        assert isinstance(error, IndexError)
        self.held += alone
        return [0]


def test_one_in_a_hundred_fails_alone() -> None:
    work = Work(lambda number: number % 100 == 50)
    assert work.do(range(2000)) == [0 if number % 100 == 50 else 2 * number for number in range(2000)]
    assert work.held == list(range(50, 2000, 100))


def test_where_all_fail_none_does_and_not_every_one_is_tried() -> None:
    work = Work(lambda _: True)
    with pytest.raises(TooMany, match="of 2000 accounts") as found:
        work.do(range(2000))
    assert isinstance(found.value.__cause__, IndexError)
    assert found.value.passed == 0
    assert work.held == []
    assert work.calls < 1000


@pytest.mark.parametrize(
    ("faults", "accounts", "too_many"),
    [
        (FEW, FEW, False),  # a few are no crowd, whatever their share
        (FEW + 1, FEW + 1, True),
        (FEW + 1, (FEW + 1) * ONE_IN, False),  # exactly the share
        (FEW + 1, (FEW + 1) * ONE_IN - 1, True),
        (400, 2000, False),
        (401, 2000, True),
    ],
)
def test_too_many_is_a_number_and_a_share(faults: int, accounts: int, *, too_many: bool) -> None:
    work = Work(lambda number: number < faults)
    if too_many:
        with pytest.raises(TooMany):
            work.do(range(accounts))
    else:
        work.do(range(accounts))
    assert len(work.held) == (0 if too_many else faults)


def test_a_small_message_is_judged_with_those_before_it() -> None:
    """A release that is wrong for every account does not fail them one by one; one poisonous account fails at once."""
    work = Work(lambda number: number % 2 == 1)
    for number in range(1, 2 * FEW, 2):
        work.do([number])
    for _ in range(3):
        with pytest.raises(TooMany):
            work.do([99])
    assert len(work.held) == FEW
    work.do(range(0, 200, 2))  # others pass
    work.do([99])
    assert work.held[-1] == 99


def test_a_large_message_is_no_licence_for_those_after_it() -> None:
    work = Work(lambda number: number < 0)
    work.do(range(100_000))
    with pytest.raises(TooMany):
        work.do(range(-200, 0))
    for number in range(1, FEW + 1):
        work.do([-number])
    with pytest.raises(TooMany):
        work.do(range(-200, 0))


def test_who_has_found_that_it_is_the_accounts_lets_each_fail_alone() -> None:
    work = Work(lambda number: number < 90)
    with pytest.raises(TooMany) as found:
        work.do(range(100))
    assert found.value.passed > 0
    with isolate_every_fault():
        work.do(range(100))
    assert len(work.held) == 90
    work.do([1])


class Harness:
    """The proposer behind a processor, on a real broker: LOTS messages in, TRADES rows out."""

    def __init__(self, publisher: Publisher, results: AIOKafkaConsumer) -> None:
        self.origin = 1000 * (10_000_000 + uuid.uuid4().int % 1_000_000_000)  # offsets far beyond any real one
        self._publisher = publisher
        self._results = results
        self._rules = proposer.Handlers(publisher, clock_of(None))

    def request(self, number: int, seeds: Sequence[int]) -> Incoming:
        """Return a request for accounts, A-<seed> each, as the broker gives it."""
        meta = {"batch_id": str(self.origin + number), "attempt": "1", "trade_date": "2026-01-02"}
        value = codec.encode(batch_of([generated(seed) for seed in seeds]), meta)
        return Incoming(topics.WORK_LOTS.name, 0, self.origin + number, b"A", value, (), 0)

    async def leave(self, asked: Sequence[Incoming]) -> None:
        """Publish these requests, as if they had been handled long ago."""
        await self._publisher.send([Outgoing(ask.topic, str(ask.offset).encode(), ask.value or b"") for ask in asked])

    async def start(self, group: Sequence[Incoming]) -> None:
        """Handle messages in a process that has just been started."""
        _recent.clear()
        handler = self._rules.on_lots(topics.WORK_TRADES)
        await MessageProcessor("gateway", topics.WORK_LOTS, handler, self._publisher, LIMITS).run(group)

    async def results(self) -> dict[int, dict[str, Row]]:
        """Return the rows that were answered since the last call, by the place of their request and account."""
        consumer = self._results
        ends = await consumer.end_offsets(consumer.assignment())
        found: dict[int, dict[str, Row]] = {}
        for partition, end in ends.items():
            while await consumer.position(partition) < end:
                rows, meta = codec.decode((await consumer.getone(partition)).value, chunks.TRADES)
                number = int(meta["batch_id"]) - self.origin
                if 0 <= number < 1000:
                    found.setdefault(number, {}).update({row["account_id"]: row for row in rows.to_pylist()})
        return found


@pytest.fixture
async def harness(kafka_url: str) -> AsyncIterator[Harness]:
    """A proposer and its processor; `answered` reads from here on."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url, enable_auto_commit=False)
    async with Publisher(kafka_url, "gateway") as publisher, consumer:
        partitions = range(topics.WORK_TRADES.partitions)
        consumer.assign([TopicPartition(topics.WORK_TRADES.name, number) for number in partitions])
        for partition in consumer.assignment():
            await consumer.position(partition)
        await consumer.seek_to_end()
        yield Harness(publisher, consumer)


def _plant(patch: pytest.MonkeyPatch, poison: Callable[[int], bool]) -> Callable[[], None]:
    """Have the real engine raise for every chunk with one of these accounts; return what mends it."""
    module: Any = proposer
    propose = module.propose

    def raises(rows: pa.RecordBatch, *more: Any) -> pa.RecordBatch:
        for name, code in zip(*(rows.column(name).to_pylist() for name in ("account_id", "failure_code")), strict=True):
            if code != OUR_FAULT and poison(int(str(name)[2:]) if str(name)[:2] == "A-" else -1):
                raise IndexError("index 7 is out of bounds")
        done: pa.RecordBatch = propose(rows, *more)
        return done

    patch.setattr(proposer, "propose", raises)
    return lambda: patch.setattr(proposer, "propose", propose)


def _codes(rows: Mapping[str, Row]) -> dict[str | None, int]:
    """Return how many accounts have which failure code."""
    codes = [row["failure_code"] for row in rows.values()]
    return {code: codes.count(code) for code in codes}


@pytest.mark.asyncio
async def test_a_fault_for_every_account_is_acknowledged_nowhere_and_fails_nobody(
    harness: Harness, kafka_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many new starts it takes; after the mend all is done."""
    group = [harness.request(0, range(40)), harness.request(1, range(40, 80))]
    mend = _plant(monkeypatch, lambda _: True)
    for _ in range(LIMITS.starts + 1):
        with pytest.raises((Stopped, TopicHeld)):
            await harness.start(group)
    assert await harness.results() == {}
    assert await dead_letters_now(kafka_url, harness.origin) == []
    mend()
    await harness.start(group)
    done = await harness.results()
    assert [_codes(done[number]) for number in (0, 1)] == [{None: 40}, {None: 40}]


@pytest.mark.asyncio
async def test_a_fault_for_a_few_fails_those_at_the_first_try(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    _plant(monkeypatch, lambda seed: seed % 50 == 7)
    await harness.start([harness.request(0, range(100)), harness.request(1, [7])])
    done = await harness.results()
    assert [_codes(done[number]) for number in (0, 1)] == [{None: 98, OUR_FAULT: 2}, {OUR_FAULT: 1}]


@pytest.mark.asyncio
async def test_a_chunk_that_alone_fails_costs_some_starts_and_then_its_own_accounts(
    harness: Harness, kafka_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One tenant's accounts all break our code: the others' are done at each start, its own are told why in the end."""
    group = [harness.request(0, range(30)), harness.request(1, range(30, 60))]
    _plant(monkeypatch, lambda seed: 0 <= seed < 30)
    for _ in range(LIMITS.starts):
        with pytest.raises(Stopped):
            await harness.start(group)
        done = await harness.results()
        assert {number: _codes(rows) for number, rows in done.items()} == {1: {None: 30}}
    await harness.start(group)
    done = await harness.results()
    assert [_codes(done[number]) for number in (0, 1)] == [{OUR_FAULT: 30}, {None: 30}]
    assert "IndexError" in done[0]["A-3"]["failure_text"]
    assert await dead_letters_now(kafka_url, harness.origin) == []
    await harness.start([harness.request(2, [5])])
    assert _codes((await harness.results())[2]) == {OUR_FAULT: 1}


@pytest.mark.asyncio
async def test_on_a_quiet_topic_those_handled_before_speak_for_the_others(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing comes behind the chunk that fails; the topic is not held until something does."""
    await harness.leave([harness.request(number, [100 + number]) for number in range(1, 21)])
    _plant(monkeypatch, lambda seed: 0 <= seed < 30)
    for _ in range(LIMITS.starts):
        with pytest.raises(Stopped):
            await harness.start([harness.request(0, range(30))])
    await harness.start([harness.request(0, range(30))])
    assert _codes((await harness.results())[0]) == {OUR_FAULT: 30}
