"""Errors, as a tree. Each class carries its HTTP status and a stable code.

ServiceError
  InvalidRequest          400  the caller can mend it; nothing was paid
  BudgetExceeded          402  the owner's budget does not allow it; nothing was paid
  InvalidSignature        401  a webhook that nobody we know has signed
  NotFound                404  unknown, or another owner's
    Erased                  404  it was there; answers like an unknown one
  Conflict                409  not in the state that the call needs
    RequestInFlight         409  the same request is being worked on: try again
  KeyReused               422  the idempotency key belongs to another request
  TooManyRequests         429  the owner has sent enough for now: try again
  ProviderNotConfigured   500  the operator has to put a key in
  ProviderError
    ProviderRejected        502  the same call would fail again
    ProviderUnavailable     503  nothing was accepted: try again
    ProviderOutcomeUnknown  504  the provider may have accepted it: never repeat it blindly

Step Functions matches the class names, so renaming one is a change of the state machines too.
"""

from typing import Any, ClassVar


class ServiceError(Exception):
    """A failure with a stable ``code``; ``details`` is JSON and safe to show.

    ``retry_after_s``, where it is known, is when the same call may do better.
    """

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal_error"
    retry_after_s: int | None = None

    def __init__(self, message: str, *, code: str | None = None, details: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details = details


class InvalidRequest(ServiceError):
    status = 400
    default_code = "invalid_request"


class InvalidSignature(ServiceError):
    status = 401
    default_code = "invalid_signature"


class NotFound(ServiceError):
    status = 404
    default_code = "not_found"


class Erased(NotFound):
    """For those who must tell what is gone from what was never there."""


class Conflict(ServiceError):
    status = 409
    default_code = "conflict"


class RequestInFlight(Conflict):
    default_code = "request_in_flight"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("An earlier request with this Idempotency-Key is still being worked on.")
        self.retry_after_s = retry_after_s


class KeyReused(ServiceError):
    status = 422
    default_code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key belongs to another request; a new request needs a new key.")


class TooManyRequests(ServiceError):
    status = 429
    default_code = "too_many_requests"

    def __init__(self, per_minute: int, retry_after_s: int) -> None:
        super().__init__(f"At most {per_minute} such requests a minute; wait {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class BudgetExceeded(ServiceError):
    status = 402
    default_code = "budget_exceeded"

    @classmethod
    def for_order(cls) -> "BudgetExceeded":
        """An order costs more than is left of its owner's month."""
        return cls("This order costs more than is left of this month's budget; GET /v1/usage tells how much.")


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
    """``retry_after_s`` is how long the provider asked to be left alone, if it said."""

    status = 503
    default_code = "provider_unavailable"

    def __init__(
        self, provider: str, message: str, *, retry_after_s: int | None = None, code: str | None = None
    ) -> None:
        super().__init__(provider, message, code=code)
        self.retry_after_s = retry_after_s


class ProviderOutcomeUnknown(ProviderError):
    status = 504
    default_code = "provider_outcome_unknown"


class EventNotAccepted(Exception):
    """The bus did not take an event; it may be put there again."""
