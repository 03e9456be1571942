"""Where a browser goes after sign-in: only to pages of ours."""

from urllib.parse import urlsplit

_NOT_PAGES = ("/api", "/auth")


def safe_return(wanted: str | None) -> str:
    """Return `wanted` when it is a path of our own pages (query allowed), else "/".

    Refuses other hosts ("https://...", "//host", "/\\host"), control characters, and paths of the API or of sign-in.
    """
    if not wanted or not wanted.startswith("/") or len(wanted) > 2000:
        return "/"
    if "\\" in wanted or not wanted.isprintable():
        return "/"
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or wanted.startswith("//"):
        return "/"
    if any(parts.path == head or parts.path.startswith(f"{head}/") for head in _NOT_PAGES):
        return "/"
    return wanted
