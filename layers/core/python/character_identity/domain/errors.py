"""What can go wrong, as a tree. Each class carries its HTTP status and a stable code.

ServiceError
  InvalidRequest          400  the caller can mend it; nothing was paid
  NotFound                404  unknown, or another owner's
  Conflict                409  not in the state that the call needs
  ProviderNotConfigured   500  the operator has to put a key in
  ProviderError
    ProviderRejected        502  the same call would fail again
    ProviderUnavailable     503  nothing was accepted: try again
    ProviderOutcomeUnknown  504  the provider may have accepted it: never repeat it blindly

Step Functions matches the class names, so renaming one is a change of the state machines too.
"""

from typing import Any, ClassVar


class ServiceError(Exception):
    """A failure with a stable ``code``; ``details`` is JSON and safe to show."""

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, code: str | None = None, details: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details = details


class InvalidRequest(ServiceError):
    status = 400
    default_code = "invalid_request"


class NotFound(ServiceError):
    status = 404
    default_code = "not_found"


class Conflict(ServiceError):
    status = 409
    default_code = "conflict"


class ProviderNotConfigured(ServiceError):
    status = 500
    default_code = "provider_not_configured"


class ProviderError(ServiceError):
    """A provider did not do what was asked; the message names it."""

    def __init__(self, provider: str, message: str, *, code: str | None = None, details: Any = None) -> None:
        super().__init__(f"{provider}: {message}", code=code, details=details)
        self.provider = provider


class ProviderRejected(ProviderError):
    status = 502
    default_code = "provider_rejected"


class ProviderUnavailable(ProviderError):
    status = 503
    default_code = "provider_unavailable"


class ProviderOutcomeUnknown(ProviderError):
    status = 504
    default_code = "provider_outcome_unknown"
