"""What every capability is built from: the environment, a clock, ids, chance and sleep."""

import secrets
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from character_identity.config import environment
from character_identity.domain.clock import utc_now
from character_identity.wiring.deferred import deferred

if TYPE_CHECKING:
    from character_identity.aws.session import Session


def new_id() -> str:
    """Return an id that nobody guesses."""
    return uuid4().hex


def new_seed() -> int:
    """Return a seed that every provider takes."""
    from character_identity.domain.generation import SEEDS

    return secrets.randbelow(SEEDS)


class Base:
    """A part of the services. What it has is built on first use, and kept while the sandbox is warm."""

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
        new_id: Callable[[], str] = new_id,
        new_seed: Callable[[], int] = new_seed,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.env = environment() if env is None else env
        self.now = now
        self.new_id = new_id
        self.new_seed = new_seed
        self.sleep = sleep

    @cached_property
    def aws(self) -> "Session":
        from character_identity.aws.session import Session

        return Session()

    def client(self, service: str, **options: Any) -> Any:
        """Return a client of a service of AWS, made by its first call; options of botocore's ``Config``."""
        return deferred(lambda: self.aws.client(service, **options))
