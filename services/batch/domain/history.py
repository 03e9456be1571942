"""What of a decided batch differs from its manifest.  Source: docs/decisions/0034-history-is-a-chain.md."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_NAMED_AT_MOST = 10


def differences(
    document: Mapping[str, Any],
    batch: Mapping[str, Any] | None,
    accounts: Mapping[str, Mapping[str, Any]],
    chunks: Mapping[str, str],
) -> Iterator[str]:
    """Yield how the rows of a decided batch differ from its manifest.

    document: the manifest; batch, accounts by id: the rows as JSON has them, with every field that the manifest names;
    chunks: SHA-256 in hex of the result chunks as they are, by number.
    """
    if batch is None:
        yield "the row of the batch is missing"
    else:
        changed = sorted(name for name, value in document["batch"].items() if batch[name] != value)
        if changed:
            yield f"the row of the batch was changed: {', '.join(changed)}"
    then = {account["account_id"]: account for account in document["accounts"]}
    yield from _accounts("missing", sorted(then.keys() - accounts.keys()))
    yield from _accounts("added", sorted(accounts.keys() - then.keys()))
    for name in sorted(then.keys() & accounts.keys()):
        changed = sorted(field for field, value in then[name].items() if accounts[name][field] != value)
        if changed:
            yield f"the row of account {name} was changed: {', '.join(changed)}"
    digests: Mapping[str, str] = document["answers"]
    for number in sorted(digests.keys() | chunks.keys(), key=int):
        if number not in chunks:
            yield f"result chunk {number} is missing"
        elif number not in digests:
            yield f"result chunk {number} was added"
        elif digests[number] != chunks[number]:
            yield f"result chunk {number} was changed"


def _accounts(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
        rows = "the row of account" if len(names) == 1 else "the rows of accounts"
        yield f"{rows} {', '.join(names[:_NAMED_AT_MOST])}{more} {'is' if len(names) == 1 else 'are'} {what}"
