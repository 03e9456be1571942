"""docs/kafka-rights.md: every user at the broker and its rights, to be read before they are given."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from deploy.stack.layout import CHECKOUT
from shared.contracts.rights import TOPICS_ADMIN, USERS, Right, rights_of
from shared.contracts.topics import TOPICS

PATH: Final = CHECKOUT / "docs" / "kafka-rights.md"
_INTRODUCTION: Final = """\
# Users and rights at Kafka

Written by `python -m deploy.acls page` from the [table of topics](../shared/contracts/topics.py) and
[`rights.py`](../shared/contracts/rights.py). `python -m deploy.acls apply` gives these rights, and takes what a user
has beyond them. The broker refuses whatever stands in no table here. Names that end with `*` are prefixes. Each right
to read, write or change something includes that to describe it. Why it is so, and how brokers are set up:
[decision 30](decisions/0030-kafka-users-and-rights-from-the-table.md).
"""


def text() -> str:
    """Return the page."""
    return "\n".join([_INTRODUCTION, *_users()])


def write() -> bool:
    """Write the page; say whether it changed."""
    before = PATH.read_text() if PATH.exists() else ""
    PATH.write_text(text())
    return before != text()


def _users() -> Iterator[str]:
    for user, purpose in USERS.items():
        yield f"## `{user}`\n\n{purpose[0].upper()}{purpose[1:]}.\n"
        yield "| may | topics or groups |\n|---|---|"
        rights = rights_of(user)
        for what, names in _rows(user, rights):
            yield f"| {what} | {', '.join(_shown(name) for name in names)} |"
        yield ""


def _shown(name: str) -> str:
    return name if " " in name else f"`{name}`"


def _rows(user: str, rights: Iterable[Right]) -> Iterator[tuple[str, list[str]]]:
    """Yield each operation with what it is allowed on; operations on the same topics share a row."""
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    for right in rights:
        names[right.resource, right.operation].append(right.name + ("*" if right.prefixed else ""))
    for key, listed in names.items():
        if len(listed) == len(TOPICS):
            names[key] = ["every topic of the table"]
    if user == TOPICS_ADMIN:
        yield f"{', '.join(sorted(operation for _, operation in names))} topics", names["Topic", "Create"]
        return
    readable = set(names["Topic", "Read"]) | set(names["Topic", "Write"])
    names["Topic", "Describe"] = [name for name in names["Topic", "Describe"] if name not in readable]
    for resource in ("Topic", "Group"):
        for operation in ("Read", "Write", "Describe"):
            if names[resource, operation]:
                yield f"{operation} {resource.lower()}s", names[resource, operation]
