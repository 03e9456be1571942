"""How brokers are told who connects: the part of their configuration that the local stack and containers share.

Users show their passwords by SCRAM-SHA-512; the broker keeps salted hashes of them.  The super user who makes them is
there before any: its password stands in the broker's configuration, and it shows it by PLAIN, inside TLS.
"""

from typing import Final

ADMIN: Final = "admin"
ADMIN_MECHANISM: Final = "PLAIN"
BROKER: Final = "kafka-broker"
"""Name in the certificate by which a broker shows itself to others and to the controller."""
RIGHTS: Final = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": f"User:CN={BROKER};User:{ADMIN}",
}
"""Settings by which nobody may do what was not given."""
_MODULES: Final = "org.apache.kafka.common.security"


def sign_in(listener: str, admin_password: str) -> dict[str, str]:
    """Return the settings by which users sign in at a listener.  They hold the super user's password."""
    return {
        f"listener.name.{listener}.sasl.enabled.mechanisms": f"SCRAM-SHA-512,{ADMIN_MECHANISM}",
        f"listener.name.{listener}.scram-sha-512.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
        f"listener.name.{listener}.plain.sasl.jaas.config": (
            f'{_MODULES}.plain.PlainLoginModule required user_{ADMIN}="{admin_password}";'
        ),
    }
