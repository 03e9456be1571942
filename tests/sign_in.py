"""A browser without a page, signed in as people are."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from deploy.issuer.users import USERS
from deploy.stack import Stack


@contextmanager
def signed_in(stack: Stack) -> Iterator[httpx.Client]:
    """Yield a client, signed in as the first sample user by name and password at the issuer's own page."""
    with httpx.Client(base_url=stack.urls["gateway"], trust_env=False, timeout=60) as client:
        form = client.get("/auth/login", params={"return_to": "/queue"}, follow_redirects=True)
        ticket = re.search(r'name="ticket" value="([^"]+)"', form.text)
        assert ticket is not None, form.text
        filled = {"ticket": ticket[1], "login": USERS[0].login, "password": USERS[0].word}
        back = client.post(str(form.url), data=filled)
        entered = client.get(back.headers["location"])
        assert entered.status_code == 303, entered.text
        assert urlsplit(entered.headers["location"]).path == "/queue", entered.text
        yield client
