"""Users and rights at the broker: `python -m deploy.acls apply | subscriber NAME | page`.

apply: makes the users of docs/kafka-rights.md, sets their passwords and gives them exactly the rights that stand
there; a second time changes nothing.  subscriber: the same for one further subscriber.  page: writes that page anew.

Reads REBALANCER_KAFKA_* (user and password of a super user) and each user's password from KAFKA_PASSWORD_<USER>,
hyphens as underscores; what the environment lacks is in files of the folder REBALANCER_SECRETS_DIR, named in lower
case.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from deploy.acls import page
from deploy.acls.apply import Changes, Refused, apply
from shared.contracts.rights import USERS
from shared.oncall.command_line import read_settings
from shared.runtime.settings import KafkaSettings
from shared.runtime.version import VERSION


def main() -> int:
    """Do what is asked; return 0, or 1 after saying why it could not be done."""
    options = _parser().parse_args()
    if options.command == "page":
        print(f"{page.PATH.name} {'was written' if page.write() else 'was up to date'}")
        return 0
    users = USERS if options.command == "apply" else [options.name]
    try:
        done = asyncio.run(apply(read_settings(KafkaSettings).broker, {user: _password(user) for user in users}))
    except (Refused, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except TimeoutError:
        print("no broker answers at REBALANCER_KAFKA_URL", file=sys.stderr)
        return 1
    print(_summary(done))
    return 0


def _summary(done: Changes) -> str:
    return f"{len(done.users)} users have their passwords; {done.created} rights given, {done.deleted} taken"


def _password(user: str) -> str:
    """Return a user's password.  Exits with a sentence if there is none."""
    variable = f"KAFKA_PASSWORD_{user.upper().replace('-', '_')}"
    value = os.environ.get(variable)
    file = Path(os.environ.get("REBALANCER_SECRETS_DIR", "/nonexistent")) / variable.lower()
    if value is None and file.exists():
        value = file.read_text().strip()
    if not value:
        sys.exit(f"{variable} is not set, and there is no file {file}")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.acls", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"rebalancer {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("apply", help="make the users of ours and give them their rights")
    commands.add_parser("subscriber", help="make one further subscriber").add_argument("name", metavar="NAME")
    commands.add_parser("page", help="write docs/kafka-rights.md anew")
    return parser


if __name__ == "__main__":
    sys.exit(main())
