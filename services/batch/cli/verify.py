"""`python -m services.batch verify`: compare history with its chains, and these with heads that were published."""

import asyncio
import sys
from collections.abc import Mapping, Sequence

import typer

from services.batch.operations import history as operations
from services.batch.operations.history import CheckedPart, Cursor
from services.batch.settings import Settings
from services.batch.store import history
from services.batch.store.database import Database
from shared.contracts.tenancy import SYSTEM
from shared.oncall import outages

Heads = Mapping[tuple[str, int], str]
"""Published heads: SHA-256 in hex by enterprise and position."""


def parse_heads(texts: Sequence[str]) -> Heads:
    """Return heads written as ENTERPRISE:POSITION:SHA256.  Raises BadParameter for anything else."""
    found = {}
    for text in texts:
        enterprise, _, rest = text.partition(":")
        position, _, digest = rest.partition(":")
        if not (enterprise and position.isascii() and position.isdigit() and len(digest) == 64):
            raise typer.BadParameter(f"{text} is not ENTERPRISE:POSITION:SHA256, as an event of a decision has them")
        found[enterprise, int(position)] = digest.lower()
    return found


def verify(settings: Settings, enterprises: Sequence[str], heads: Heads) -> None:
    """Check these enterprises, all that have a history without any, and print; always exits, with 1 for a finding."""
    with outages.reported():
        raise typer.Exit(asyncio.run(run(settings, enterprises, heads)))


async def run(settings: Settings, enterprises: Sequence[str], heads: Heads) -> int:
    """Return 1 if history differs from its chains or from the published heads, else 0."""
    findings = 0
    async with Database(settings.database_url, settings.requests_database_url) as database:
        async with database.transaction(SYSTEM) as connection:
            names = list(enterprises) or sorted({*await history.enterprises(connection), *(of for of, _ in heads)})
        for name in names:
            findings += await _enterprise(database, name, heads)
    if not names:
        print("nothing has been decided")
    return 1 if findings else 0


async def _enterprise(database: Database, enterprise_id: str, heads: Heads) -> int:
    """Check one enterprise, a part at a time, and print what is found; return how many findings there are."""
    checked_parts: list[CheckedPart] = []
    cursor: Cursor | None = Cursor()
    while cursor is not None:
        async with database.transaction(SYSTEM) as connection:
            checked_parts.append(await operations.check(connection, enterprise_id, cursor))
        cursor = checked_parts[-1].rest
    sentences = [
        f"{enterprise_id}: {'chain' if found.batch_id is None else f'batch {found.batch_id}'}: {found.sentence}"
        for part in checked_parts
        for found in part.findings
    ]
    async with database.transaction(SYSTEM) as connection:
        for (name, position), digest in heads.items():
            stored = await history.hash_at(connection, name, position) if name == enterprise_id else None
            if name == enterprise_id and (stored is None or stored.hex() != digest):
                what = "is missing" if stored is None else "is another one"
                sentences.append(f"{name}: chain: link {position}, which was published, {what}")
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    print(_summary(enterprise_id, checked_parts, len(sentences)))
    return len(sentences)


def _summary(enterprise_id: str, checked_parts: Sequence[CheckedPart], findings: int) -> str:
    checked, before = sum(part.checked for part in checked_parts), sum(part.before for part in checked_parts)
    head = checked_parts[-1].head
    end = "no chain yet" if head is None else f"head {head[0]}:{head[1].hex()}"
    older = f", {before} of them before the chain began" if before else ""
    verdict = "all as it was decided" if findings == 0 else f"{findings} findings"
    return f"{enterprise_id}: {checked} decisions checked{older}; {end}; {verdict}"
