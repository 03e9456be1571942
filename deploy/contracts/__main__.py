"""`python -m deploy.contracts`: write docs/events anew from the table of topics, catalogue and models.

The schema of mappings of custodians' formats, docs/mapping.schema.json, is written too.

--release: also keep the contract, as it is then, as release N under docs/events/released.  --release-api: the same for
the OpenAPI document of the gateway, under docs/api/released.
"""

import argparse
import sys

from deploy.contracts import api, files, mapping_schema, releases
from deploy.stack.layout import CHECKOUT


def main() -> None:
    """Write what is generated and print what changed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.contracts", description=__doc__)
    parser.add_argument("--release", type=int, metavar="N", help="keep the contract as release N")
    parser.add_argument("--release-api", type=int, metavar="N", help="keep the API's document as release N")
    options = parser.parse_args()
    changed = files.write()
    print("\n".join(f"docs/events/{name}" for name in changed) or "docs/events was up to date")
    if mapping_schema.write():
        print(mapping_schema.PATH.relative_to(CHECKOUT))
    for number, cut in ((options.release, releases.cut), (options.release_api, api.cut)):
        if number is not None:
            try:
                print(f"released: {cut(number).relative_to(CHECKOUT)}")
            except FileExistsError:
                sys.exit(f"release {number} is there already, and a release is never changed")


if __name__ == "__main__":
    main()
