"""`python -m deploy.docker.hello`: where the system in containers is found, and who may sign in."""

import os

from deploy.issuer.users import USERS


def main() -> None:
    """Print the addresses of the environment, the sample users and what else one would like to know first."""
    print(f"Rebalancer   {os.environ['REBALANCER_GATEWAY_URL']}")
    print(f"operations   {os.environ['REBALANCER_GATEWAY_URL']}/ops   user sre")
    print(f"Prometheus   {os.environ['HELLO_PROMETHEUS_URL']}")
    print(f"Grafana      {os.environ['HELLO_GRAFANA_URL']}   user admin; its password:")
    print("             docker compose exec grafana cat /secrets/grafana_password")
    print()
    print(f"{'user':<10}{'password':<22}may")
    for user in USERS:
        print(f"{user.login:<10}{user.word:<22}{user.may}")
    print()
    print("The next business day, with fills of what was approved:")
    print("             docker compose exec custodian python -m deploy.custodian next-day")


if __name__ == "__main__":
    main()
