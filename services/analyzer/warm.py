"""Compiles every kernel, or loads it from the cache, before the first message."""

import numpy as np

from services.analyzer.domain import kernel
from services.analyzer.domain.layout import AIM, HOLDING, OWN_ROLE, REASON, RESTRICTION
from services.analyzer.domain.substitution import JUDGED
from services.analyzer.store import pgcopy
from shared.fixed_point.records import records
from shared.rules import bands, holding_roles


def kernels() -> None:
    """Run every kernel once on a tiny input."""
    none, starts = np.zeros(0, np.int64), np.zeros(1, np.int64)
    accounts = kernel.AccountChunk(
        records(kernel.SETTINGS, 0),
        none,
        none,
        none,
        starts,
        records(HOLDING, 0),
        none,
        starts,
        records(OWN_ROLE, 0),
        starts,
        records(RESTRICTION, 0),
    )
    targets = kernel.Targets(records(kernel.HEAD, 0), starts, records(AIM, 0))
    found = kernel.Found(records(kernel.RESULT, 0), starts.copy(), records(REASON, 0), records(JUDGED, 0), none)
    kernel.evaluate(accounts, targets, kernel.SecurityTable(none, none, none), 0, found)
    holding_roles.role_in_account(0, 0)
    bands.position_band(1, 1, 1)
    bands.side(1, 1, 1, 1, 1)
    bands.position_side(1, 1, 1, 1, 1, 1)
    bands.shown_weight(1, 1)
    pgcopy.warm()
