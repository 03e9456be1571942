"""Mutated messages of every topic: none escapes the processor, and the good ones beside them are all done.

`make card` takes 100,000 of them and good ones besides; `make test` takes a small number, the same ones each time.
Handlers are the real ones where they need neither broker nor database, and else read every value.  Letters are packed
as the publisher packs them, for their size and what they are made of; that they arrive is shown on a real broker in
tests/runtime.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import pyarrow as pa
import pytest
from aiokafka.producer.message_accumulator import BatchBuilder

from services.batch.columns.results import columns_of
from services.proposer import handlers as proposer
from services.taxlot import handlers as taxlot
from services.taxlot.columns import lots
from shared.contracts import chunks, codec, topics
from shared.contracts.topics import TOPICS, Topic
from shared.kafka.messages import Incoming, Outgoing
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher, _pack
from shared.runtime.clock import clock_of
from shared.runtime.settings import ProcessorLimits
from tests.faults import card
from tests.faults.card import Outcome
from tests.fuzz import mutations
from tests.fuzz.samples import META, body_of, json_of, rows_of, with_mark

MUTATED: Final = card.trials(4_000, 100_000)
_GROUP: Final = 10
_LIMITS: Final = ProcessorLimits(retry_s=0.5, letters=10**9, share=1.0)
_CONTENT: Final = [topic for topic in TOPICS if topic.content is not None]


class _Packing(Publisher):
    """Packs what is sent, as the real one does, and counts it by its code."""

    def __init__(self) -> None:
        super().__init__("nowhere", "gateway")
        self.letters: Counter[str] = Counter()

    async def send(self, messages: Iterable[Outgoing]) -> None:
        """Pack the messages.  Raises what the real one raises for one that is too large."""
        every = list(messages)
        for message in every:
            self.letters[message.headers["dlq-code"]] += 1
            assert message.headers["dlq-offset"]
        _pack(lambda: BatchBuilder(1 << 18, 0), {message.topic: [0] for message in every}, every, {})


class _Topic:
    """Good and mutated messages of one topic, and a handler that says which good ones it was given."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.done: list[str] = []
        self._rows = rows_of(topic.content) if isinstance(topic.content, pa.Schema) else None
        self._body = {} if self._rows is not None else body_of(topic)
        self._value = json_of(self._body) if self._rows is None else codec.encode(self._rows, META)
        self._work = _work_of(topic)

    async def handle(self, items: Sequence[Any]) -> None:
        """Do the work; note the marks of good messages."""
        for item in items:
            await asyncio.to_thread(self._work, item)
            said = item.meta.get("mark", "") if self._rows is not None else item.model_dump_json()
            self.done += [said[at : at + 8] for at in [said.find("GOOD")] if at >= 0]

    def good(self, mark: str) -> bytes:
        """Return a good message with a mark of its own."""
        if self._rows is None:
            return with_mark(self._value, mark)
        return codec.encode(self._rows, META | {"mark": mark})

    def mutated(self, dice: random.Random) -> bytes | None:
        """Return a message that something was done to."""
        which = dice.random()
        if which < 0.02:
            return None
        if which < 0.45:
            return mutations.bytes_of(dice, self._value)
        if which < 0.5:
            return json_of(self._body) if self._rows is not None else codec.encode(rows_of(chunks.RETURNED), META)
        if self._rows is None:
            return mutations.json_value(dice, self._body)
        return mutations.chunk_shape(dice, self._rows)


def _work_of(topic: Topic) -> Callable[[Any], object]:
    """Return what is done with a decoded message: the service's own work, where it needs nothing but the message."""
    rules = proposer.Handlers(Publisher("nowhere", "proposer"), clock_of(None))
    if topic.content is chunks.LOTS:
        return lambda chunk: rules._proposed(chunk, topics.WORK_TRADES)
    if topic.content is chunks.TRADES:
        return taxlot._book
    if topic.content is chunks.FACTS:
        return lambda chunk: lots.attach(chunk.rows, {})
    if topic.content is chunks.RESULT:
        return lambda chunk: columns_of(chunk.rows, 0, ("value_cents", "end_cash_cents"), ("short_cents",))
    if isinstance(topic.content, pa.Schema):
        return lambda chunk: chunk.rows.to_pylist()
    return lambda event: event.model_dump_json()


@pytest.mark.parametrize("topic", _CONTENT, ids=lambda topic: topic.name)
async def test_nothing_escapes_and_the_good_ones_are_done(topic: Topic) -> None:
    dice = random.Random(f"{topic.name} {card.SEED}" if card.FOLDER else topic.name)
    sent, publisher = _Topic(topic), _Packing()
    processor = MessageProcessor("gateway", topic, sent.handle, publisher, _LIMITS)
    marks: list[str] = []
    many = -(-MUTATED // len(_CONTENT))
    for first in range(0, many, _GROUP):
        values = [sent.mutated(dice) for _ in range(min(_GROUP, many - first))]
        marks.append(f"GOOD{len(marks):04d}"[:8])
        values.insert(dice.randrange(len(values) + 1), sent.good(marks[-1]))
        await processor.run(
            [
                Incoming(topic.name, 0, 2 * first + at, mutations.key_of(dice), value, mutations.headers_of(dice), 0)
                for at, value in enumerate(values)
            ]
        )
    lost = len(set(marks) - set(sent.done))
    card.keep(Outcome("F11", many, lost))
    assert processor.held is None
    print(f"{topic.name}: {many} mutated messages, {len(marks)} good ones done, letters {dict(publisher.letters)}")
