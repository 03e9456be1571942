"""docs/rules.md names code and rows: every file is there, and every case and function stands in a file of its line."""

import re

import pytest

from deploy.stack.layout import CHECKOUT

pytestmark = pytest.mark.fast

LINES = [line for line in (CHECKOUT / "docs" / "rules.md").read_text().splitlines() if line.startswith("| ")]


@pytest.mark.parametrize("line", [line for line in LINES if ".py" in line], ids=lambda line: line.split("|")[1].strip())
def test_what_the_page_names_exists(line: str) -> None:
    _, _, code, rows, _ = line.split("|")
    for part in (code, rows):
        paths = re.findall(r"`([\w/]+\.py)`", part)
        texts = "\n".join((CHECKOUT / path).read_text() for path in paths)
        for function in re.findall(r"`(\w+)`", part):
            assert f"def {function}(" in texts, f"{function} is not in {paths}"
        for case in re.findall(r'"([^"]+)"', part):
            assert f'"{case}"' in texts, f"no row is named {case!r} in {paths}"
