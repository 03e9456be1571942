"""Settings of the gateway; each from the environment as REBALANCER_<NAME>."""

from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr

from services.gateway.security_headers import security_headers
from shared.http.connections import Bounds
from shared.runtime.settings import RequestsSettings

SERVICE: Final = "gateway"


class Settings(RequestsSettings):
    """Settings of the gateway besides those of every service."""

    requests_connections: int = Field(
        default=10, ge=1, description="As in every service; each request reads its session with one, for a moment."
    )
    probe_port: int = Field(description="Port of /metrics, /healthz and /readyz, which are not for the world.")
    probe_host: str = Field(
        default="127.0.0.1", description="Address to listen on for probes; loopback unless a scraper is elsewhere."
    )
    gateway_url: str = Field(
        pattern=r"^https?://[^/]+$",
        description="Address that browsers open, scheme://host[:port]; for redirects, cookies and the Origin check.",
    )
    batch_url: str = Field(description="Internal address of the batch service.")
    taxlot_url: str = Field(description="Internal address of the taxlot service.")
    analyzer_url: str = Field(description="Internal address of the analyzer.")
    watched: str = Field(
        default="",
        description="Processes on the operations page: name=address of its probes, comma-separated; empty: none.",
    )
    principal_key: SecretStr = Field(
        description="Private key of this service alone, base64 of its DER form (Ed25519); signs the principal of every"
        " forwarded request. The services have its public half."
    )
    session_key: SecretStr = Field(
        min_length=32, description="Key of this service alone; signs sign-in attempts and CSRF tokens."
    )
    oidc_issuer_url: str = Field(description="OpenID Connect issuer, exactly as its tokens name it.")
    oidc_backchannel_url: str | None = Field(
        default=None,
        description="Address at which the gateway itself reaches the issuer, if it is not the one that browsers open.",
    )
    oidc_client_id: str = Field(description="Our client id at the issuer.")
    oidc_client_secret: SecretStr = Field(description="Our client secret at the issuer.")
    ui_dir: Path = Field(description="Directory of the built user interface (holds index.html).")
    session_idle_s: int = Field(default=1800, description="Seconds without a request after which a session ends.")
    session_absolute_s: int = Field(default=43_200, description="Seconds after sign-in when a session ends anyway.")
    body_limit_bytes: int = Field(default=1_000_000, description="Largest request body, files excepted.")
    upload_limit_bytes: int = Field(default=1_000_000_000, description="Largest custodian file that may be uploaded.")
    head_s: float = Field(
        default=10.0,
        gt=0,
        description="Seconds in which the head of a request must arrive, from its first byte, else its connection is"
        " closed; a browser sends it at once.",
    )
    body_piece_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds in which a body must bring 16 kB or its end, else 408; the slowest line brings more, and"
        " a gap in radio reception is shorter.",
    )
    keep_alive_s: float = Field(
        default=5.0,
        gt=0,
        description="Seconds a connection without a request stays open: a page asks again within a second or not soon.",
    )
    connections: int = Field(
        default=600,
        ge=1,
        description="Connections to the door at once, further ones get 503; each open page holds one for its push"
        " stream. With those to the services it stays below the 1,024 files a process may usually open.",
    )
    answer_piece_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds in which a client must read 16 kB of a response or the rest of it, else its connection"
        " is closed; a page reads at once, and unread bytes take memory here.",
    )
    address_connections: int = Field(
        default=300,
        ge=1,
        description="Connections of one address at once, further ones get 429: an office of a hundred behind one"
        " address has two pages open each and now and then a few loading; half of all, so that no address keeps the"
        " others out. Of an address behind our proxies: requests at once.",
    )
    head_bytes: int = Field(
        default=16_384,
        ge=4096,
        description="Bytes of an unfinished head beyond which it is refused; ours, with cookies, stay below 4 kB.",
    )
    forward_timeout_s: float = Field(default=30.0, description="Seconds a service may take to respond to a request.")
    upload_timeout_s: float = Field(default=600.0, description="Seconds a service may take to respond to an upload.")
    session_per_s: float = Field(
        default=50.0,
        gt=0,
        description="Requests a second that one session may make in the long run. A page sends a dozen when it opens"
        " and on each pushed change (4 a second); six open pages of one user stay below.",
    )
    session_burst: int = Field(default=200, ge=1, description="Requests one session may make at once.")
    address_per_s: float = Field(
        default=2.0,
        gt=0,
        description="Requests a second that one address may make in the long run without a session: a sign-in takes"
        " two, and a firm behind one address signs in within minutes.",
    )
    address_burst: int = Field(
        default=200, ge=1, description="Requests one address may make at once without a session."
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses (comma-separated) of proxies in front of the gateway, whose X-Forwarded-For counts.",
    )
    heartbeat_s: float = Field(
        default=5.0,
        gt=0,
        description="Seconds between heartbeats on a push stream: a page that hears nothing for 12 s asks whether the"
        " connection is lost.",
    )
    stream_check_s: float = Field(
        default=15.0, gt=0, description="Seconds between looks at the session of a push stream, a query each."
    )

    @property
    def proxies(self) -> frozenset[str]:
        """Return the addresses of proxies whose X-Forwarded-For counts."""
        return frozenset(address.strip() for address in self.trusted_proxies.split(",") if address.strip())

    @property
    def bounds(self) -> Bounds:
        """Return the limits on clients of the gateway."""
        return Bounds(
            head_s=self.head_s,
            piece_s=self.body_piece_s,
            response_piece_s=self.answer_piece_s,
            keep_alive_s=self.keep_alive_s,
            connections=self.connections,
            address_connections=self.address_connections,
            head_bytes=self.head_bytes,
            proxies=self.proxies,
            headers=security_headers(self.gateway_url, self.oidc_issuer_url),
        )
