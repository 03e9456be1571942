"""Chunks by which services compare once a day what they have of every account, and ask for what they lack.

As `shared.contracts.chunks`: one row per account.  Source: docs/decisions/0019-what-is-lost-is-told-again.md.
"""

import pyarrow as pa

from shared.contracts.chunks import ACCOUNT_KEYS

# analyzer -> batch, taxlot, after each daily analysis: what the analyzer has of every account. Whoever has told of
# something newer, or has not got what the analyzer told, sees it here.
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

# batch -> analyzer: tell the flags of these accounts again, as they stand.
RECALL = pa.schema([*ACCOUNT_KEYS])

# taxlot -> batch: tell the approvals of these accounts again; epoch: of the newest that taxlot has booked, 0: none.
UNBOOKED = pa.schema([*ACCOUNT_KEYS, pa.field("epoch", pa.int32(), nullable=False)])
