"""Where a browser returns after sign-in: to pages of ours only."""

from urllib.parse import urlsplit

_NOT_PAGES = ("/api", "/auth")


def safe_return(wanted: str | None) -> str:
    """Return `wanted` if it is a path of our own pages (query allowed), else "/".

    Refuses other hosts ("https://...", "//host", "/\\host"), control characters, and paths of the API or of sign-in.
    """
    if not wanted or not wanted.startswith("/") or len(wanted) > 2000:
        return "/"
    if "\\" in wanted or not wanted.isprintable():
        return "/"
    address = urlsplit(wanted)
    if address.scheme or address.netloc or wanted.startswith("//"):
        return "/"
    if any(address.path == head or address.path.startswith(f"{head}/") for head in _NOT_PAGES):
        return "/"
    return wanted
