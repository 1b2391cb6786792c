"""What is wrong with a file of an evaluation."""


class BadResults(ValueError):
    """A file of results cannot be read; the message names file, row and column."""
