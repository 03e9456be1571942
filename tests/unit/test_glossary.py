"""docs/glossary.md gives each concept one word: every path in it exists, and no word has two entries."""

import re
from collections import Counter

import pytest

from deploy.stack.layout import CHECKOUT

pytestmark = pytest.mark.fast

ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in (CHECKOUT / "docs" / "glossary.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| word |")
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_an_entry_has_a_meaning_and_names_only_files_that_exist(row: list[str]) -> None:
    _, meaning, rule, code, _ = row
    assert meaning
    assert re.fullmatch(r"([1-7](, [1-7])*)?", rule)
    missing = [path for path in re.findall(r"`([^`]+)`", code) if not (CHECKOUT / path).exists()]
    assert not missing, f"{missing} moved: name the new path in docs/glossary.md"


def test_no_word_has_two_entries() -> None:
    terms = Counter(row[0] for row in ROWS)
    assert [word for word, entries in terms.items() if entries > 1] == []
