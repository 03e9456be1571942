"""How settings, holdings, targets and the figures of flags lie in memory and in their documents: flat int64.

A document is the little-endian bytes of these integers, so a whole chunk of accounts is read without a loop.
A position's key is security number * 2**32 + sleeve number; the store numbers the ids.
Scales as in shared.contracts.chunks: cents, micro, ppb.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.columnar import starts_of
from shared.fixed_point.records import Records, as_records, as_table, record, records

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
    RESTRICTIONS = 15  # how many RESTRICTION records follow


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
    CASH_REST = 6  # what the exact cash target is more than CASH_PPB, in 1e-18


TARGET_HEAD: Final = len(TargetField)
_ROUNDED_HEAD: Final = 6  # fields of a head and of an AIM that the document of a target has: those without their rests
_ROUNDED_AIM: Final = 5

RESTRICTION: Final = record("security", "kinds", "substitute")
"""Of an account: security number, Restriction flags, number of the security bought instead or NONE."""
HOLDING: Final = record("key", "quantity")
"""What an account holds: position key, micro-units."""
AIM: Final = record("key", "target", "threshold", "precision", "can_trigger", "rest")
"""What a target says of one position, in ppb; threshold and precision are NONE where the portfolio's hold.

rest: what the exact target is more than `target`, in 1e-18, which is below a ppb either way.
"""
OWN_ROLE: Final = record("security", "role")
"""What an account says of a security: its number; HoldingRole MANAGED, LOCKED or EXCLUDED."""
FIGURES: Final = record(
    "value",  # V in cents; NONE, as are the following, unless the state is CLEAR, FLAGGED or NO_TARGET
    "cash",  # available cash in cents
    "cash_weight",  # ppb
    "cash_target",  # ppb; NONE without target, as are the two edges
    "cash_low",  # ppb
    "cash_high",  # ppb
    "max_drift",  # ppb, largest |weight - target| of any component: positions and cash
    "drifted",  # components in the triggering list, cash among them
)
"""What a flag says of its account in numbers."""
REASON: Final = record("key", "weight", "target", "low", "high")
"""A component in the triggering list; key: NONE for cash; weight and target in ppb, edges in 1e-18 of V."""

# What an account without target is measured with: all cash, product's default thresholds.  Source: product 1, 3.
NO_TARGET_HEAD: Final = np.array([10**9, 200_000_000, 1, 200_000_000, 40_000_000, 5_000_000, 0], np.int64)


@dataclass(frozen=True)
class Target:
    """A portfolio's target: head (TargetField) and AIM rows in order of key."""

    head: Ints
    rows: Records


@dataclass(frozen=True)
class Ragged:
    """Records of several accounts (or targets) in a row; those of account i are data[starts[i]:starts[i + 1]]."""

    starts: Ints
    data: Records


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


def target_documents(target: Target) -> tuple[bytes, bytes | None]:
    """Return the document of a target, as early releases read it, and that of its rests; None where all are 0."""
    rests = np.append(target.head[_ROUNDED_HEAD:], target.rows.rest)
    rounded = np.concatenate((target.head[:_ROUNDED_HEAD], as_table(target.rows)[:, :_ROUNDED_AIM].ravel()))
    return to_bytes(rounded), to_bytes(rests) if rests.any() else None


def read_target(document: bytes, rests: bytes | None) -> Target:
    """Return the target that `target_documents` wrote."""
    values = from_bytes(document)
    rounded = values[_ROUNDED_HEAD:].reshape(-1, _ROUNDED_AIM)
    more = np.zeros(len(rounded) + 1, np.int64) if rests is None else from_bytes(rests)
    rows = as_records(AIM, np.column_stack((rounded, more[1:])))
    return Target(np.append(values[:_ROUNDED_HEAD], more[0]), rows)


def stack_targets(targets: list[Target]) -> tuple[Ints, Ragged]:
    """Return the heads [m, TARGET_HEAD] and the AIM rows of several targets for the kernel."""
    if not targets:
        return np.zeros((0, TARGET_HEAD), np.int64), Ragged(np.zeros(1, np.int64), records(AIM, 0))
    starts = starts_of([len(target.rows) for target in targets])
    rows = as_records(AIM, np.concatenate([as_table(target.rows) for target in targets]))
    return np.stack([target.head for target in targets]), Ragged(starts, rows)
