"""`python -m deploy.kernels`: compile the kernels of all services into the folder from which every process loads them.

`python -m deploy.kernels SERVICE...` compiles those of some.  Prints one line a kernel.  If all of them are compiled
already it loads and prints nothing.
"""

import importlib
import sys
from collections.abc import Sequence

from deploy.stack.layout import CHECKOUT
from shared.runtime import kernels, runner

SERVICES = ("proposer", "taxlot", "analyzer", "batch")
"""Services with kernels, the longest to compile first."""


def missing(services: Sequence[str] = SERVICES) -> list[str]:
    """Return those of the services some of whose kernels are not compiled yet."""
    return [name for name in services if not kernels.are_compiled(CHECKOUT / "services" / name / "warm.py")]


def main(asked: Sequence[str] = ()) -> int:
    """Compile what is missing and return the exit code: 2 when what is asked for is no service with kernels."""
    if unknown := sorted(set(asked) - set(SERVICES)):
        print(f"no kernels: {', '.join(unknown)}; services with kernels: {', '.join(SERVICES)}", file=sys.stderr)
        return 2
    names = missing(asked or SERVICES)
    if names:
        runner.leave_out_pandas()
        warms = [importlib.import_module(f"services.{name}.warm").kernels for name in names]
        kernels.compile_all(warms, lambda text: print(text, flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
