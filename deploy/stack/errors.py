"""The one error of the local stack: a sentence for the person who typed the command."""


class StackError(Exception):
    """Something the user can read and act on; printed without a traceback."""
