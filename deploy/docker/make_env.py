"""`python3 deploy/docker/make_env.py > .env`: fresh secrets for `docker compose up`; they have no defaults.

`make_env.py .env > .env.new` is for a newer release: every line of .env stays as it is, and what is missing is added.
It runs on the host, before there is an image: with nothing but Python itself and the `openssl` command.
"""

import subprocess
import sys
from base64 import b64encode
from os import urandom
from pathlib import Path

RANDOM = (
    "POSTGRES_PASSWORD",
    *(
        f"{service}{kind}_PASSWORD"
        for service in ("ANALYZER", "TAXLOT", "BATCH", "GATEWAY")
        for kind in ("_MIGRATOR", "", "_REQUESTS")
    ),
    "SESSION_KEY",
    "OIDC_CLIENT_SECRET",
    "GRAFANA_PASSWORD",
)
# The gateway signs principals with the first key; services verify them with the second.
PRINCIPAL = ("PRINCIPAL_KEY", "PRINCIPAL_PUBLIC_KEY")
NAMES = (*RANDOM, *PRINCIPAL)


def principal_keys() -> tuple[str, str]:
    """Return an Ed25519 key and its public half, each as base64 of its DER form."""
    private = _openssl(b"", "genpkey", "-algorithm", "ed25519", "-outform", "DER")
    public = _openssl(private, "pkey", "-inform", "DER", "-pubout", "-outform", "DER")
    return b64encode(private).decode(), b64encode(public).decode()


def _openssl(given: bytes, *arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


def complete(lines: list[str]) -> list[str]:
    """Return the lines of an environment file, and one more for each secret that is missing.

    A private principal key without its public half comes from an earlier release; both are generated again, because no
    stored data depend on them.  Raises OSError or CalledProcessError when openssl cannot make keys.
    """
    had = {line.partition("=")[0] for line in lines if line.partition("=")[2]}
    stay = [line for line in lines if line.partition("=")[2] or line.partition("=")[0] not in NAMES]
    added = [f"{name}={urandom(32).hex()}" for name in RANDOM if name not in had]
    if not had.issuperset(PRINCIPAL):
        stay = [line for line in stay if line.partition("=")[0] not in PRINCIPAL]
        added += [f"{name}={key}" for name, key in zip(PRINCIPAL, principal_keys(), strict=True)]
    return stay + added


def main() -> int:
    """Print every secret as NAME=value; return 1 and print a sentence if openssl cannot make the keys."""
    lines = Path(sys.argv[1]).read_text().splitlines() if len(sys.argv) > 1 else []
    try:
        print("\n".join(complete(lines)))
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"openssl (1.1.1 or newer) is needed to make the principal's keys: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
