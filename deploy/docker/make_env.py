"""`python3 deploy/docker/make_env.py > .env`: fresh secrets for `docker compose up`; they have no defaults.

It runs on the host, before there is an image: with nothing but Python itself and the `openssl` command.
"""

import subprocess
import sys
from base64 import b64encode
from os import urandom

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
# The gateway signs with the first who asks a service; every service proves it with the second.
PRINCIPAL = ("PRINCIPAL_KEY", "PRINCIPAL_PUBLIC_KEY")
NAMES = (*RANDOM, *PRINCIPAL)


def principal_keys() -> tuple[str, str]:
    """Return an Ed25519 key and its public half, each as base64 of its DER form."""
    private = _openssl(b"", "genpkey", "-algorithm", "ed25519", "-outform", "DER")
    public = _openssl(private, "pkey", "-inform", "DER", "-pubout", "-outform", "DER")
    return b64encode(private).decode(), b64encode(public).decode()


def _openssl(given: bytes, *words: str) -> bytes:
    return subprocess.run(["openssl", *words], input=given, capture_output=True, check=True).stdout


def main() -> int:
    """Print every secret as NAME=value; 1 and a sentence when openssl cannot make the keys."""
    try:
        keys = principal_keys()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"openssl (1.1.1 or newer) is needed to make the principal's keys: {error}", file=sys.stderr)
        return 1
    for name in RANDOM:
        print(f"{name}={urandom(32).hex()}")
    for name, key in zip(PRINCIPAL, keys, strict=True):
        print(f"{name}={key}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
