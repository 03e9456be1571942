"""How late the event loop wakes who has slept: the metric rebalancer_loop_lag_seconds.

While a loop computes or waits for something that does not yield, requests, heartbeats and commits wait with it.  A
sleeper that takes the time notices.  The sum of the lags over a while, as a share of that while, is the share of time
in which the loop kept others waiting.
"""

import time
from typing import Final

from shared.runtime import metrics
from shared.runtime.pause import pause

EVERY_S: Final = 0.5


async def measure(service: str, every_s: float = EVERY_S) -> None:
    """Sleep for `every_s` seconds again and again, and note how much longer each time took, until cancelled."""
    lag = metrics.LOOP_LAG.labels(service)
    while True:
        due_s = time.monotonic() + every_s
        await pause(every_s)
        lag.observe(max(0.0, time.monotonic() - due_s))
