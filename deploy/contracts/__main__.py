"""`python -m deploy.contracts [--release N]`: write docs/events anew from the table of topics, catalogue and models.

--release: also keep the contract, as it is then, as release N under docs/events/released.
"""

import argparse
import sys

from deploy.contracts import files, releases
from deploy.stack.layout import CHECKOUT


def main() -> None:
    """Write what is generated and print what changed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.contracts", description=__doc__)
    parser.add_argument("--release", type=int, metavar="N", help="keep the contract as release N")
    options = parser.parse_args()
    changed = files.write()
    print("\n".join(f"docs/events/{name}" for name in changed) or "docs/events was up to date")
    if options.release is not None:
        try:
            print(f"released: {releases.cut(options.release).relative_to(CHECKOUT)}")
        except FileExistsError:
            sys.exit(f"release {options.release} is there already, and a release is never changed")


if __name__ == "__main__":
    main()
