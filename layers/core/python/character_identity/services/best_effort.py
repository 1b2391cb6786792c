"""Best effort: for steps that may fail because the sweep does them later."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


@contextmanager
def left_to_the_sweep(what: str) -> Iterator[None]:
    """Log what goes wrong in this block and go on: the sweep, or a machine's next poll, makes up for it.

    An error would wrongly tell the caller that what was stored before does not stand.
    """
    try:
        yield
    except Exception as exc:  # whatever it is
        logger.warning("%s waits for the sweep", what, exc_info=exc)
