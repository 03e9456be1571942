"""Keys and passwords of a local stack: generated once, kept in a file that only its owner reads."""

import secrets

from deploy.stack.layout import Layout, read_json, write_json

DATABASE_OWNERS = ("analyzer", "proposer", "taxlot", "batch", "gateway")
NAMES = ("admin_password", "principal_key", "session_key", "oidc_client_secret")


def load(layout: Layout) -> dict[str, str]:
    """Return all secrets of the stack, making those that are missing."""
    wanted = (*NAMES, *(f"{service}_password" for service in DATABASE_OWNERS))
    kept: dict[str, str] = read_json(layout.secrets_file)
    known = {name: kept.get(name) or secrets.token_hex(32) for name in wanted}
    if known != kept:
        write_json(layout.secrets_file, known)
    return known
