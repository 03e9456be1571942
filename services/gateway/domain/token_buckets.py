"""Rate limits by token buckets: filled steadily, emptied by requests."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass


@dataclass
class _Bucket:
    tokens: float
    at_s: float


class TokenBuckets:
    """Buckets by key, of `burst` tokens, filled with `per_s` tokens a second.

    Beyond `most` keys the least recently used is dropped, which bounds memory; a dropped key starts with a full bucket.
    Times are seconds of any monotonic clock, given by the caller.
    """

    def __init__(self, per_s: float, burst: int, most: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._most = most
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Hashable, now_s: float) -> float:
        """Take a token and return 0; without one, take nothing and return the seconds until there is one."""
        bucket = self._buckets.get(key) or _Bucket(self._burst, now_s)
        tokens = self._tokens(bucket, now_s)
        wait_s = self._lacking_s(tokens)
        self._buckets[key] = _Bucket(tokens - (0 if wait_s else 1), now_s)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return wait_s

    def wait_s(self, key: Hashable, now_s: float) -> float:
        """Return the seconds until there is a token for `key`, taking none."""
        bucket = self._buckets.get(key)
        return 0.0 if bucket is None else self._lacking_s(self._tokens(bucket, now_s))

    def _tokens(self, bucket: _Bucket, now_s: float) -> float:
        return min(float(self._burst), bucket.tokens + max(0.0, now_s - bucket.at_s) * self._per_s)

    def _lacking_s(self, tokens: float) -> float:
        return max(0.0, (1 - tokens) / self._per_s)
