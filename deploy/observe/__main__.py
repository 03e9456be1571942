"""`python -m deploy.observe files`: write everything that is generated from the catalogue of metrics and the tables."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.observe import metrics_page
from deploy.stack.layout import CHECKOUT


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m deploy.observe", description=__doc__)
    parser.add_argument("command", choices=("files",))
    parser.parse_args()
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


def generated() -> Mapping[Path, str]:
    """Return every generated file with its content."""
    return {CHECKOUT / "docs" / "metrics.md": metrics_page.page()}


if __name__ == "__main__":
    sys.exit(main())
