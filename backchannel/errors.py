"""What ends a command, and whose mistake it is."""


class UserError(Exception):
    """A mistake the user can mend: told in plain lines, without a traceback; exit code 2."""
