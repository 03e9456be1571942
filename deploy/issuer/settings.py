"""Settings of the issuer; each from the environment as REBALANCER_<NAME>, as the local stack sets them."""

from pathlib import Path

from pydantic import Field, SecretStr

from shared.runtime.settings import EnvironmentSettings


class IssuerSettings(EnvironmentSettings):
    """Where it listens, whom it serves and where it keeps its key."""

    http_port: int = Field(description="Port to listen on.")
    http_host: str = Field(
        default="127.0.0.1", description="Address to listen on; loopback unless containers need more."
    )
    oidc_issuer_url: str | None = Field(default=None, description="Our name in tokens; default http://127.0.0.1:PORT.")
    oidc_client_id: str = Field(default="rebalancer-gateway", description="The only client.")
    oidc_client_secret: SecretStr = Field(description="Its secret.")
    gateway_url: str = Field(description="Address browsers open; users are sent back there and nowhere else.")
    state_dir: Path = Field(description="Directory of the stack's state; the signing key lies in issuer/ below it.")
    clock_file: Path | None = Field(default=None, description="The stack's clock; tokens are dated by it.")
    log_level: str = Field(default="INFO", description="Least severe level that is logged.")

    @property
    def issuer(self) -> str:
        """Issuer name, exactly as in tokens and discovery."""
        return self.oidc_issuer_url or f"http://127.0.0.1:{self.http_port}"

    @property
    def redirect_uri(self) -> str:
        """The only address to which a code is sent."""
        return f"{self.gateway_url}/auth/callback"
