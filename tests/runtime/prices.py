"""The message that tests of consumption send, of a topic with one partition."""

from datetime import date

from shared.contracts import topics
from shared.contracts.platform import PricePoint, PricesPublished
from shared.kafka.messages import Outgoing


def price_set(number: int, priced: int = 0) -> Outgoing:
    """Return the message of a price set with so many prices of some 45 bytes each."""
    prices = [PricePoint(security_id=f"S{place:07d}", price="1") for place in range(priced)]
    told = PricesPublished(price_set=number, as_of=date(2026, 1, 2), prices=prices).model_dump_json().encode()
    return Outgoing(topics.PRICE.name, b"1", told, {})
