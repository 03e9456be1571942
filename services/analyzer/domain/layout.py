"""How an account's settings and holdings and a portfolio's target lie in memory and in their documents: flat int64.

A document is the little-endian bytes of these integers, so a whole chunk of accounts is read without a loop.
A position's key is security number * 2**32 + sleeve number; the numbers are the store's short names for the ids.
Scales as in shared.contracts.chunks: cents, micro, ppb.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.columnar import starts_of

Ints: TypeAlias = NDArray[np.int64]

NONE: Final = -1  # "not set" of an optional integer that is never negative
KEY_SHIFT: Final = 32
SLEEVE_MASK: Final = (1 << KEY_SHIFT) - 1


class Setting(IntEnum):
    """Columns of an account's settings; thresholds and floor are NONE where the portfolio's hold."""

    REBALANCER_ON = 0
    DO_NOT_TRADE = 1
    TAXABLE = 2
    LOT_METHOD = 3
    THRESHOLD_PPB = 4
    PRECISION_PPB = 5
    FLOOR_PPB = 6
    CASH_THRESHOLD_PPB = 7
    MIN_TRADE_CENTS = 8
    MIN_TRADE_PPB = 9
    RESERVE_CENTS = 10
    SET_ASIDE_CENTS = 11
    GAIN_BUDGET_SHORT_CENTS = 12  # NONE: no limit
    GAIN_BUDGET_TOTAL_CENTS = 13
    NO_SHORT_TERM_GAINS = 14
    RESTRICTIONS = 15  # how many triples (security number, Restriction flags, substitute's number or NONE) follow


SETTINGS: Final = len(Setting)
OFF_SETTINGS: Final = np.array([0, 0, 1, 0, NONE, NONE, NONE, NONE, 0, 0, 0, 0, NONE, NONE, 0, 0], np.int64)


class TargetField(IntEnum):
    """Columns of a target's head."""

    CASH_PPB = 0
    CASH_THRESHOLD_PPB = 1
    CASH_CAN_TRIGGER = 2
    THRESHOLD_PPB = 3
    PRECISION_PPB = 4
    FLOOR_PPB = 5


TARGET_HEAD: Final = len(TargetField)
TARGET_ROW: Final = 5  # key, target_ppb, threshold_ppb or NONE, precision_ppb or NONE, can_trigger

# What an account without target is measured with: all cash, product's default thresholds.  Source: product 1, 3.
NO_TARGET_HEAD: Final = np.array([10**9, 200_000_000, 1, 200_000_000, 40_000_000, 5_000_000], np.int64)


@dataclass(frozen=True)
class Target:
    """A portfolio's target: head (TargetField) and rows[n, TARGET_ROW] in order of key."""

    head: Ints
    rows: Ints


@dataclass(frozen=True)
class Ragged:
    """Rows of several accounts (or targets) one after another; those of account i are data[starts[i]:starts[i + 1]]."""

    starts: Ints
    data: Ints


def key_of(security_no: int, sleeve_no: int) -> int:
    """Return the position key."""
    return security_no << KEY_SHIFT | sleeve_no


def to_bytes(values: Ints) -> bytes:
    """Return the document of the integers."""
    return np.ascontiguousarray(values, "<i8").tobytes()


def from_bytes(document: bytes) -> Ints:
    """Return the integers of a document."""
    # A copy: numba compiles anew for arrays that may not be written to, as those over a document are.
    return np.frombuffer(document, "<i8").astype(np.int64)


def target_document(target: Target) -> bytes:
    """Return the document of a target."""
    return to_bytes(np.concatenate((target.head, target.rows.ravel())))


def read_target(document: bytes) -> Target:
    """Return the target that `target_document` wrote."""
    values = from_bytes(document)
    return Target(values[:TARGET_HEAD], values[TARGET_HEAD:].reshape(-1, TARGET_ROW))


def stack_targets(targets: list[Target]) -> tuple[Ints, Ragged]:
    """Return the heads [m, TARGET_HEAD] and the rows of several targets as flat arrays for the kernel."""
    if not targets:
        return np.zeros((0, TARGET_HEAD), np.int64), Ragged(np.zeros(1, np.int64), np.zeros((0, TARGET_ROW), np.int64))
    starts = starts_of([len(target.rows) for target in targets])
    return np.stack([target.head for target in targets]), Ragged(
        starts, np.concatenate([target.rows for target in targets])
    )
