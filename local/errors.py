"""The one error that a user of the local runtime meets."""


class CannotRun(Exception):
    """The system cannot run on this machine; the message is one sentence that says why."""
