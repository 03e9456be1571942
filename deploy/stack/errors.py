"""The one error of the local stack: a sentence for the person who typed the command."""


class StackError(Exception):
    """A failure with a sentence that the user can act on; printed without a traceback."""
