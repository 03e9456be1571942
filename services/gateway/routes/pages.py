"""Plain HTML pages, for sign-in and for a missing user interface."""

from html import escape

from fastapi.responses import HTMLResponse

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title} - Rebalancer</title></head>
<body style="font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1rem">
<main><h1 style="font-size: 1.5rem">{title}</h1><p>{detail}</p>{link}</main>
</body>
</html>
"""


def page(status: int, title: str, detail: str, link: tuple[str, str] | None = None) -> HTMLResponse:
    """Return a page with a title, a sentence and perhaps a link (address, text)."""
    anchor = f'<p><a href="{escape(link[0])}">{escape(link[1])}</a></p>' if link else ""
    headers = {"Cache-Control": "no-store"}
    return HTMLResponse(_PAGE.format(title=escape(title), detail=escape(detail), link=anchor), status, headers)
