"""What can go wrong, as a tree. Each class carries its HTTP status and the stable codes that it may have.

ServiceError
  InvalidRequest          400  the caller can mend it; nothing was paid
    HostNotAllowed          400  the operator can mend it: a result lies on a host that is new to us
  BodyTooLarge            413  a body that no call of the route needs; it was not read
  BudgetExceeded          402  the owner's budget does not allow it; nothing was paid
    OperatorBudgetExceeded  503  the operator's does not, which no caller can mend
  InvalidSignature        401  a webhook that nobody we know has signed
  AnonymousCaller         403  nobody signed in; such callers may not order
  NotFound                404  unknown, or another owner's
    Erased                  404  it was there; answers like an unknown one
  Conflict                409  not in the state that the call needs
  TooManyIdentities       409  the owner has as many as one may store
  RequestInFlight         409  the same request is being worked on: try again
  KeyReused               422  the idempotency key belongs to another request
  MethodNotAllowed        405  the address takes another method
  TooManyRequests         429  the owner has sent enough for now: try again
  ProviderNotConfigured   500  the operator has to put a key in
  NotGenerated            502  there will be no pictures
    Blocked                 422  a safety checker blanked them
  ProviderError
    ProviderRejected        502  the same call would fail again
    ProviderUnavailable     503  nothing was accepted: try again
    ProviderOutcomeUnknown  504  the provider may have accepted it: never repeat it blindly
    StillRunning            504  it is not done yet; the same call later finds it

Step Functions matches the class names, so renaming one is a change of the state machines too.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Self, cast, get_args

from character_identity.domain.text import shortened

ReferenceCode = Literal[
    "unknown_reference",
    "unreachable_reference",
    "forbidden_url",
    "forbidden_host",
    "unknown_host",
    "file_too_large",
    "unreadable_image",
    "image_too_large",
    "image_too_small",
    "black_image",
    "too_few_references",
    "too_many_references",
]
"""What keeps reference images from being taken in; ``domain/finding.py`` has what to do about each."""
InvalidRequestCode = Literal[
    ReferenceCode,
    "image_deleted",
    "invalid_archive",
    "invalid_body",
    "invalid_cursor",
    "invalid_idempotency_key",
    "invalid_month",
    "invalid_parameter",
    "invalid_request",
    "malformed_body",
    "malformed_json",
    "max_cost_too_low",
    "missing_parameter",
    "not_a_generated_image",
    "reference_changed",
    "reference_deleted",
    "reference_unreadable",
    "too_many_images",
    "unknown_action",
    "unknown_image_size",
    "unknown_lora",
    "unknown_provider",
    "unreachable_lora",
    "unsupported_image_format",
]
NotFoundCode = Literal[
    "not_found",
    "unknown_callback",
    "unknown_evaluation",
    "unknown_event",
    "unknown_generation",
    "unknown_identity",
    "unknown_result",
    "unknown_route",
    "unknown_webhook",
]
Thing = Literal["evaluation", "event", "generation", "identity", "webhook"]
"""What has an id and an owner, by the word for it in ``unknown_...``."""
ConflictCode = Literal[
    "being_started",
    "conflict",
    "evaluation_not_completed",
    "evaluation_running",
    "identity_failed",
    "identity_not_ready",
    "too_many_secrets",
    "too_many_webhooks",
    "webhook_disabled",
    "webhook_changed",
]
ErrorCode = Literal[
    InvalidRequestCode,
    NotFoundCode,
    ConflictCode,
    "anonymous_caller",
    "body_too_large",
    "budget_exceeded",
    "filtered",
    "generation_failed",
    "idempotency_key_reused",
    "internal_error",
    "invalid_signature",
    "method_not_allowed",
    "provider_not_configured",
    "provider_outcome_unknown",
    "provider_rejected",
    "provider_unavailable",
    "request_in_flight",
    "service_budget_exceeded",
    "still_running",
    "too_many_identities",
    "too_many_requests",
]
"""Every code that an answer may have; each belongs to one class below."""


RequestKind = Literal["orders", "reads"]
"""What the requests of an owner are counted as."""


class Quota(NamedTuple):
    """How many requests of a kind an owner has in a minute, and how many are left until it ends."""

    kind: RequestKind
    per_minute: int
    left: int
    ends_in_s: int


class ServiceError(Exception):
    """A failure with a stable ``code``; ``details`` is JSON and safe to show.

    ``codes`` are those that it may have, ``default_code`` among them. ``retry_after_s``, where it is known,
    is when the same call may do better; ``says_when`` if it always is. ``allowed`` are the methods of an
    address that was called with another.
    """

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal_error"
    codes: ClassVar[tuple[str, ...]] = ("internal_error",)
    code_of: ClassVar[dict[str, str]] = {}  # the default code of each kind, by the name of its class
    says_when: ClassVar[bool] = False
    retry_after_s: int | None = None
    allowed: Sequence[str] = ()

    def __init_subclass__(cls) -> None:
        if "codes" not in vars(cls):
            cls.codes = (cls.default_code,)
        ServiceError.code_of[cls.__name__] = cls.default_code

    def __init__(self, message: str, *, code: str | None = None, details: Any = None) -> None:
        self.message = shortened(message)  # it may quote what a caller or a provider said
        super().__init__(self.message)
        self.code = code or self.default_code
        self.details = details


class InvalidRequest(ServiceError):
    """The call cannot be done as it was made; ``code`` says what is wrong with it."""

    status = 400
    default_code = "invalid_request"
    codes = get_args(InvalidRequestCode)

    def __init__(
        self, message: str, *, code: InvalidRequestCode = "invalid_request", details: Any = None
    ) -> None:
        super().__init__(message, code=code, details=details)


class HostNotAllowed(InvalidRequest):
    """A public host, but not one that results may come from; the operator may allow ``host``."""

    codes = ()

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is not one of the hosts that media may come from.", code="forbidden_host")
        self.host = host


class BodyTooLarge(ServiceError):
    """A request's body has more bytes than any may have."""

    status = 413
    default_code = "body_too_large"

    def __init__(self, most_bytes: int) -> None:
        super().__init__(f"A body has at most {most_bytes} bytes here.")


class InvalidSignature(ServiceError):
    """A callback is not signed by who it says it is from."""

    status = 401
    default_code = "invalid_signature"


class AnonymousCaller(ServiceError):
    """Who calls may read, but order nothing that costs money."""

    status = 403
    default_code = "anonymous_caller"

    def __init__(self) -> None:
        super().__init__(
            "An anonymous sign-in may not order what costs money: sign in with an account and send its token."
        )


class NotFound(ServiceError):
    """There is none of that id, or it is another owner's."""

    status = 404
    default_code = "not_found"
    codes = get_args(NotFoundCode)

    def __init__(self, message: str, *, code: NotFoundCode = "not_found") -> None:
        super().__init__(message, code=code)

    @classmethod
    def of(cls, thing: Thing, thing_id: str) -> Self:
        """Return the error that there is no such thing of that id."""
        return cls(f"There is no {thing} {thing_id!r}.", code=cast(NotFoundCode, f"unknown_{thing}"))


class Erased(NotFound):
    """For those who must tell what is gone from what was never there."""

    codes = ()


class Conflict(ServiceError):
    """It is not in the state that the call needs."""

    status = 409
    default_code = "conflict"
    codes = get_args(ConflictCode)

    def __init__(self, message: str, *, code: ConflictCode = "conflict") -> None:
        super().__init__(message, code=code)


class TooManyIdentities(ServiceError):
    """The owner has as many identities as one may have."""

    status = 409
    default_code = "too_many_identities"

    def __init__(self, most: int) -> None:
        super().__init__(f"There are {most} identities already: erase some that nobody needs.")


class RequestInFlight(ServiceError):
    """The first call with an idempotency key is still at work."""

    status = 409
    default_code = "request_in_flight"
    says_when = True

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("An earlier request with this Idempotency-Key is still being worked on.")
        self.retry_after_s = retry_after_s


class KeyReused(ServiceError):
    """An idempotency key came again with another request."""

    status = 422
    default_code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key belongs to another request; a new request needs a new key.")


class MethodNotAllowed(ServiceError):
    """The address is there, but not for this method."""

    status = 405
    default_code = "method_not_allowed"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"Method not allowed. Use {' or '.join(allowed)}.")
        self.allowed = allowed


class TooManyRequests(ServiceError):
    """The owner's requests of this minute are used up."""

    status = 429
    default_code = "too_many_requests"
    says_when = True

    def __init__(self, kind: RequestKind, per_minute: int, retry_after_s: int) -> None:
        super().__init__(f"At most {per_minute} {kind} a minute; wait {retry_after_s} s.")
        self.quota = Quota(kind, per_minute, 0, retry_after_s)
        self.retry_after_s = retry_after_s


class BudgetExceeded(ServiceError):
    """The order costs more than is left of its owner's month."""

    status = 402
    default_code = "budget_exceeded"

    @classmethod
    def for_evaluation(cls) -> "BudgetExceeded":
        """An order of an evaluation costs more than is left of what that one has set aside."""
        return cls("This order costs more than is left of its evaluation's money, or that has ended.")

    @classmethod
    def for_order(cls) -> "BudgetExceeded":
        """An order costs more than is left of its owner's month."""
        return cls("This order costs more than is left of this month's budget; GET /v1/usage tells how much.")


class OperatorBudgetExceeded(BudgetExceeded):
    """All owners together have ordered what the operator pays in a month.

    503 and not 402: the caller owes nothing, and the operator's alarm on 5xx should sound.
    """

    status = 503
    default_code = "service_budget_exceeded"

    @classmethod
    def for_order(cls) -> "OperatorBudgetExceeded":
        """An order costs more than is left of everybody's month."""
        return cls("The service has no money left for orders this month; its operator may raise the limit.")


class ProviderNotConfigured(ServiceError):
    """Nobody has put in the key that it takes."""

    status = 500
    default_code = "provider_not_configured"


class NotGenerated(ServiceError):
    """There will be no pictures; code and message are the generation's own, where it has them."""

    status = 502
    default_code = "generation_failed"


class Blocked(NotGenerated):
    """The provider's safety checker blanked the pictures."""

    status = 422
    default_code = "filtered"


class ProviderError(ServiceError):
    """A provider did not do what was asked; the message names it."""

    codes = ()

    def __init__(self, provider: str, message: str, *, details: Any = None) -> None:
        super().__init__(f"{provider}: {message}", details=details)


class ProviderRejected(ProviderError):
    """The provider refused, and would refuse the same call again."""

    status = 502
    default_code = "provider_rejected"


class ProviderUnavailable(ProviderError):
    """``retry_after_s`` is how long the provider asked to be left alone, if it said.

    ``is_busy``: it took nothing because it has too much to do for us.
    """

    status = 503
    default_code = "provider_unavailable"

    def __init__(
        self, provider: str, message: str, *, retry_after_s: int | None = None, is_busy: bool = False
    ) -> None:
        super().__init__(provider, message)
        self.retry_after_s = retry_after_s
        self.is_busy = is_busy


class ProviderOutcomeUnknown(ProviderError):
    """Nobody knows whether the provider took an order: it may be billed."""

    status = 504
    default_code = "provider_outcome_unknown"


class StillRunning(ProviderError):
    """The pictures are not there yet; the generation goes on, and the same call finds it."""

    status = 504
    default_code = "still_running"


class CannotSign(Exception):
    """A picture cannot be signed: the key, its certificates or the file are not fit for it."""


class EventNotAccepted(Exception):
    """The bus did not take an event; it may be put there again."""


def _kinds(kind: type[ServiceError]) -> Iterator[type[ServiceError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


KINDS: dict[str, type[ServiceError]] = {code: kind for kind in _kinds(ServiceError) for code in kind.codes}
"""The class that an error of a code has, and so its HTTP status."""
