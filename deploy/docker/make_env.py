"""`python3 deploy/docker/make_env.py > .env`: fresh secrets for `docker compose up`; they have no defaults."""

from os import urandom

NAMES = (
    "POSTGRES_PASSWORD",
    "ANALYZER_PASSWORD",
    "PROPOSER_PASSWORD",
    "TAXLOT_PASSWORD",
    "BATCH_PASSWORD",
    "GATEWAY_PASSWORD",
    "PRINCIPAL_KEY",
    "SESSION_KEY",
    "OIDC_CLIENT_SECRET",
    "GRAFANA_PASSWORD",
)

if __name__ == "__main__":
    for name in NAMES:
        print(f"{name}={urandom(32).hex()}")
