"""Failure of an identity or a generation: its reason as stored, shown, and put into the Fail state."""

import json
import re
from typing import Any

from pydantic import field_validator

from character_identity.domain.errors import ProviderUnavailable, ServiceError
from character_identity.domain.record import Record
from character_identity.domain.text import shortened

INTERNAL = re.compile(r"""arn:aws[\w-]*:[^\s"',]+|\?[^\s"'<>]+""")
"""What names resources of ours, with the account, as AWS does where it refuses something; and the query of a
link, which may be its signature."""


class Failure(Record):
    """A stable ``code`` and one sentence."""

    code: str
    message: str

    @property
    def may_pass(self) -> bool:
        """True if the same may work later: of AWS, a function that died, a bug that is mended by then."""
        return self.code in {ServiceError.default_code, ProviderUnavailable.default_code}

    @field_validator("message")
    @classmethod
    def _cut(cls, message: str) -> str:
        return shortened(message)

    @classmethod
    def of_state(cls, error: dict[str, Any]) -> "Failure":
        """Read the ``error`` of a state: ours, or what a Catch put there (``Error`` and ``Cause``).

        A Lambda's Cause is JSON with ``errorMessage``. The code is one of ours, by the name of the class: so
        ``ProviderOutcomeUnknown`` reads ``provider_outcome_unknown`` here as everywhere, and what is none of
        our errors ``internal_error``. Callers read it, and their webhooks: what was not worded for them names
        nothing of ours, which is in the log.
        """
        if "code" in error:
            return cls.model_validate(error)
        name = str(error.get("Error") or "States.Unknown")
        cause = str(error.get("Cause") or "")
        try:
            message = json.loads(cause)["errorMessage"]
        except (ValueError, KeyError, TypeError):
            message = cause
        code = ServiceError.code_of.get(name)
        if code is None:
            return cls(code=ServiceError.default_code, message=INTERNAL.sub("***", str(message or name)))
        return cls(code=code, message=message or name)
