"""Errors that end a command, by whose mistake they are."""


class UserError(Exception):
    """A mistake the user can mend: told in plain lines, without a traceback; exit code 2."""
