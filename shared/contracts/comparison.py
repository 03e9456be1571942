"""Chunks with which services compare once a day what they know of every account, and request what they lack.

One row per account, as in `shared.contracts.chunks`.  Source: docs/decisions/0019-what-is-lost-is-told-again.md.
"""

import pyarrow as pa

from shared.contracts.chunks import ACCOUNT_KEYS

# analyzer -> batch, taxlot, after each daily analysis: the versions the analyzer has of every account.  A service that
# published something newer, or lacks what the analyzer published, detects it by comparing.
STANDING = pa.schema(
    [
        *ACCOUNT_KEYS,
        pa.field("flag_version", pa.int64()),  # null: never evaluated
        pa.field("epoch", pa.int32(), nullable=False),
        pa.field("lots_version", pa.int64(), nullable=False),  # 0: no holdings have come
        pa.field("as_of", pa.date32()),
        pa.field("file_id", pa.string()),
    ]
)

# batch -> analyzer: publish the flags of these accounts again.
RECALL = pa.schema([*ACCOUNT_KEYS])

# taxlot -> batch: publish the approvals of these accounts again; epoch: of the newest booked by taxlot, 0: none.
UNBOOKED = pa.schema([*ACCOUNT_KEYS, pa.field("epoch", pa.int32(), nullable=False)])
