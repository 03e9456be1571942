"""The pages people see: a sign-in form and short notices. Plain HTML, no script, usable by keyboard alone."""

from html import escape
from typing import Final

from fastapi.responses import HTMLResponse

from deploy.issuer.users import USERS

_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; display: grid; place-items: center; min-height: 100vh; }
main { width: min(26rem, 92vw); padding: 2rem 0; }
h1 { font-size: 1.4rem; margin: 0 0 1.2rem; }
label { display: block; margin: 0.8rem 0 0.2rem; font-weight: 600; }
input, button { font: inherit; width: 100%; box-sizing: border-box; padding: 0.6rem; border-radius: 6px; }
input { border: 1px solid #767676; }
button { margin-top: 1.2rem; border: 0; background: #1a4fa0; color: #fff; font-weight: 600; cursor: pointer; }
:focus-visible { outline: 3px solid #e08a00; outline-offset: 2px; }
[role=alert] { border-left: 4px solid #c62828; padding: 0.4rem 0.8rem; margin: 0 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; }
th, td { text-align: left; padding: 0.25rem 0.6rem 0.25rem 0; vertical-align: top; }
details { margin-top: 1.6rem; }
"""


def sign_in(ticket: str, form_targets: str, login: str = "", problem: str = "") -> HTMLResponse:
    """Return the sign-in form. form_targets: origins the form may lead to (its answer redirects to the gateway)."""
    alert = f'<p role="alert" id="problem">{escape(problem)}</p>' if problem else ""
    described = ' aria-describedby="problem" aria-invalid="true"' if problem else ""
    rows = "".join(
        f"<tr><td>{escape(user.login)}</td><td>{escape(user.word)}</td><td>{escape(user.may)}</td></tr>"
        for user in USERS
    )
    body = f"""<h1>Sign in to the Rebalancer</h1>
{alert}
<form method="post" action="/authorize">
<input type="hidden" name="ticket" value="{escape(ticket)}">
<label for="login">User name</label>
<input id="login" name="login" value="{escape(login)}" autocomplete="username" autocapitalize="none" required
 autofocus{described}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required{described}>
<button type="submit">Sign in</button>
</form>
<details><summary>Sample users of this local system</summary>
<table><thead><tr><th scope="col">User name</th><th scope="col">Password</th><th scope="col">May</th></tr></thead>
<tbody>{rows}</tbody></table></details>"""
    return _page("Sign in", body, 401 if problem else 200, form_targets)


def notice(title: str, text: str, status: int, link: str) -> HTMLResponse:
    """Return a page with a heading, a sentence and a link back to the application."""
    body = f'<h1>{escape(title)}</h1><p>{escape(text)}</p><p><a href="{escape(link)}">Back to the Rebalancer</a></p>'
    return _page(title, body, status, "'none'")


def _page(title: str, body: str, status: int, form_targets: str) -> HTMLResponse:
    policy = f"default-src 'none'; style-src 'unsafe-inline'; form-action {form_targets}; base-uri 'none'; "
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)} - Rebalancer</title><style>{_STYLE}</style></head>
<body><main>{body}</main></body></html>
"""
    headers = {
        "Content-Security-Policy": policy + "frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(html, status, headers)
