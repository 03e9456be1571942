"""Keys and passwords of a system: generated once; a local stack keeps them in a file that only its owner reads."""

import secrets
from collections.abc import Mapping

from deploy import roles
from deploy.stack.layout import Layout, read_json, write_json
from shared.http.principal import make_keys

PRINCIPAL = ("principal_key", "principal_public_key")
NAMES = ("admin_password", "session_key", "oidc_client_secret")


def load(layout: Layout) -> dict[str, str]:
    """Return all secrets of the stack, making those that are missing."""
    kept: dict[str, str] = read_json(layout.secrets_file)
    known = complete(kept)
    if known != kept:
        write_json(layout.secrets_file, known)
    return known


def complete(kept: Mapping[str, str]) -> dict[str, str]:
    """Return all secrets: those that are kept, and a new one for each that is missing.

    A private principal key without its public half comes from an earlier release; both are made again.
    """
    wanted = (*NAMES, *(f"{role}_password" for role in roles.NAMES))
    known = {name: kept.get(name) or secrets.token_hex(32) for name in wanted}
    pair = tuple(kept.get(name, "") for name in PRINCIPAL)
    return known | dict(zip(PRINCIPAL, pair if all(pair) else make_keys(), strict=True))
