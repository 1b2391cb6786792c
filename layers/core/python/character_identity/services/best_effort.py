"""Best effort: what is done once something stands, and is made up for where it fails."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


@contextmanager
def left_to_the_sweep(what: str) -> Iterator[None]:
    """Let what follows fail: the sweep, or a machine's next look, makes up for it.

    An error now would say that what was stored before does not stand.
    """
    try:
        yield
    except Exception as exc:  # whatever it is
        logger.warning("%s waits for the sweep", what, exc_info=exc)
