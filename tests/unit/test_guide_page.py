"""docs/guide-coverage.md names places and tests: every one is there, and its numbers are those of its rows."""

import re
from collections import Counter

import pytest

from deploy.stack.layout import CHECKOUT

pytestmark = pytest.mark.fast

PAGE = (CHECKOUT / "docs" / "guide-coverage.md").read_text()
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line)]
FUNCTION = r"^(?:async )?def {}\("
KINDS = {
    "a browser test": ("tests/story/", "tests/screens/"),
    "a component test": ("ui/src/",),
    "a service test": ("tests/",),
}


def _missing(shown: str) -> list[str]:
    """Return what a cell of tests names that is not there: files, functions, titles and words of cases."""
    missing = []
    for part in shown.split("; `"):
        path, *names = re.findall(r"`([^`]+)`", "`" + part.lstrip("`"))
        if not (CHECKOUT / path).is_file():
            missing.append(path)
            continue
        text = (CHECKOUT / path).read_text()
        titles = re.findall(r'"([^"]+)"', part)
        assert names or titles, f"{path} is named without a test of it"
        missing += [name for name in names if not re.search(FUNCTION.format(re.escape(name)), text, re.MULTILINE)]
        missing += [title for title in titles if f'"{title}"' not in text]
    return missing


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_a_row_names_exists(row: list[str]) -> None:
    _, sentence, where, held_by, shown = row
    assert sentence
    assert (CHECKOUT / where.strip("`")).exists(), f"{where} moved: name the new path"
    if held_by == "nothing yet":
        assert shown == "nothing yet"
        return
    assert _missing(shown) == []
    if held_by in KINDS:
        assert any(path.startswith(KINDS[held_by]) for path in re.findall(r"`([^`]+\.\w+)`", shown))
    else:
        assert held_by == "otherwise on purpose"
        assert "Done otherwise: " in sentence


def test_what_is_made_up_is_found() -> None:
    here = "tests/unit/test_guide_page.py"
    assert _missing(f"`{here}`: `test_what_is_made_up_is_found`") == []
    assert _missing(f"`{here}`: `test_what_is_made`") == ["test_what_is_made"]
    assert _missing('`ui/src/app/lists.test.tsx`: "a request"; `ui/src/none.test.tsx`: "x"') == ["ui/src/none.test.tsx"]
    assert _missing('`ui/src/app/lists.test.tsx`: "a request of nobody"') == ["a request of nobody"]


def test_the_rows_are_numbered_and_counted() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))
    numbers = {name: int(count) for name, count in re.findall(r"^\| ([a-z ]+) \| (\d+) \|$", PAGE, re.MULTILINE)}
    assert numbers == {**Counter(row[3] for row in ROWS), "in all": len(ROWS)}
