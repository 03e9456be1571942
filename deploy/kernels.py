"""`python -m deploy.kernels`: compile the kernels of all services into the folder from which every process loads them.

Prints one line a kernel.  If all of them are compiled already it loads and prints nothing.
"""

import importlib
import sys

from deploy.stack.layout import CHECKOUT
from shared.runtime import kernels, runner

SERVICES = ("proposer", "taxlot", "analyzer", "batch")
"""Services with kernels, the longest to compile first."""


def missing() -> list[str]:
    """Return the services some of whose kernels are not compiled yet."""
    return [name for name in SERVICES if not kernels.are_compiled(CHECKOUT / "services" / name / "warm.py")]


def main() -> int:
    """Compile what is missing and return the exit code."""
    names = missing()
    if names:
        runner.leave_out_pandas()
        warms = [importlib.import_module(f"services.{name}.warm").kernels for name in names]
        kernels.compile_all(warms, lambda text: print(text, flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
