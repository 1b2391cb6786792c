"""How a paid job ends, whatever kind it is."""

from datetime import datetime
from typing import NamedTuple, Protocol

from character_identity.domain.failure import Failure


class Subject(Protocol):
    """What a job is for, such as an identity. It has an outcome once it is settled."""

    @property
    def status(self) -> str: ...
    @property
    def settled_at(self) -> datetime | None: ...
    @property
    def cost_usd(self) -> float | None: ...
    @property
    def error(self) -> Failure | None: ...


class Outcome(NamedTuple):
    """How a job's subject ended; a success has no error."""

    status: str
    error: Failure | None

    @property
    def was_wanted_no_more(self) -> bool:
        """True if its owner ended it, so that no operator need hear of a failure."""
        return self.error is not None and self.error.code in {"cancelled", "erased"}


IDENTITY_ERASED = Failure(code="erased", message="The identity was erased.")
ERASED = Outcome("failed", IDENTITY_ERASED)
