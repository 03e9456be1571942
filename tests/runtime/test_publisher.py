"""The publisher's patience: while a partition has no leader it asks again, with pauses."""

import asyncio
import itertools

import pytest

from shared.kafka import _METADATA_PAUSE_S, _Paced

pytestmark = pytest.mark.asyncio


async def test_metadata_is_asked_for_with_pauses_however_often_somebody_wants_it() -> None:
    """aiokafka's sender wants it again as soon as it is answered: three answers take two pauses."""
    loop = asyncio.get_running_loop()
    asked_at: list[float] = []

    async def ask() -> bool:
        asked_at.append(loop.time())
        return False

    paced = _Paced(ask)
    while len(asked_at) < 3:
        assert await paced() is False
    gaps = [later - sooner for sooner, later in itertools.pairwise(asked_at)]
    assert min(gaps) >= _METADATA_PAUSE_S * 0.99, gaps


async def test_who_asks_meanwhile_gets_the_same_answer_and_giving_up_does_not_take_it_from_others() -> None:
    answer = asyncio.get_running_loop().create_future()
    asked: list[int] = []

    async def ask() -> bool:
        asked.append(1)
        return bool(await answer)

    paced = _Paced(ask)
    first, second = paced(), paced()
    first.cancel()
    answer.set_result(True)
    assert await second is True
    assert len(asked) == 1
