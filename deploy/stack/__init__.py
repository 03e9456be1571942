"""The local stack: real Kafka, real PostgreSQL and the services as child processes of one supervisor.

`make up`, the test fixtures and the fault tests all start the system through `Stack`.
"""

from deploy.stack.errors import StackError
from deploy.stack.stack import Stack

__all__ = ["Stack", "StackError"]
