"""Wiring: builds the services from the environment. The one place that knows every class.

Each module is a capability. Nothing is built before it is used, and what a function does not use is not even
imported: only ports and settings are imported at the top. A service gets what costs much to load and is used
by few of its methods as a ``deferred`` part.
"""

from functools import cache

from character_identity.wiring.evaluations import Evaluating


class Services(Evaluating):
    """Everything that a handler may ask for."""


@cache
def services() -> Services:
    """Return the services of this process, from its environment."""
    return Services()
