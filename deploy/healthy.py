"""`python -m deploy.healthy`: exit 0 when the process of this container is ready. A container's health check."""

import os
import sys
import urllib.error
import urllib.request

PATIENCE_S = 3.0


def main() -> int:
    """Ask /readyz on the port of the environment; print the reasons when it is not ready."""
    port = int(os.environ.get("REBALANCER_PROBE_PORT") or os.environ["REBALANCER_HTTP_PORT"])
    url = f"http://127.0.0.1:{port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S):  # noqa: S310  # always http on loopback
            return 0
    except urllib.error.HTTPError as error:
        print(error.read().decode(errors="replace"), file=sys.stderr)
    except OSError as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
