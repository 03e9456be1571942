"""`python -m deploy.observe files`: write everything that is generated from the catalogue of metrics and the tables;
`python -m deploy.observe run`: Prometheus on the local stack, with the rules.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.observe import dashboards, local, log_page, metrics_page, rules
from deploy.stack.errors import StackError
from deploy.stack.layout import CHECKOUT, DEFAULT_STATE


def main() -> int:
    """Run the command; a failure is printed as a sentence."""
    parser = argparse.ArgumentParser(prog="python -m deploy.observe", description=__doc__)
    parser.add_argument("command", choices=("files", "run"))
    try:
        if parser.parse_args().command == "run":
            return local.observe(Path(os.environ.get("STACK_STATE", str(DEFAULT_STATE))))
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


def generated() -> Mapping[Path, str]:
    """Return every generated file with its content."""
    boards = CHECKOUT / "deploy" / "docker" / "grafana" / "dashboards"
    return {
        CHECKOUT / "docs" / "metrics.md": metrics_page.page(),
        CHECKOUT / "docs" / "logs.md": log_page.page(),
        CHECKOUT / "deploy" / "observe" / "rules.yml": rules.text(),
        **{boards / name: text for name, text in dashboards.rendered().items()},
    }


if __name__ == "__main__":
    sys.exit(main())
