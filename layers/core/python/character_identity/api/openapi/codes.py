"""The codes of errors: the status that each comes with, and those that several routes share."""

from character_identity.domain.finding import CHECKS

BODY = ("malformed_json", "invalid_body")
REFERENCES = ("unknown_provider", *(code for code, check in CHECKS.items() if check.severity == "error"))
"""What keeps reference images from being taken in."""
IMAGES = ("too_many_images", "identity_not_ready", "identity_failed", "unknown_identity")
"""What keeps pictures of an identity from being ordered."""
ADDRESS = ("forbidden_url", "forbidden_host", "unknown_host")
KEY = ("invalid_idempotency_key", "request_in_flight", "idempotency_key_reused", "conflict")
"""What can be wrong with an Idempotency-Key."""

RETRIED = frozenset({"request_in_flight", "too_many_requests"})
"""Those whose answer says in ``Retry-After`` when to try again."""

_OTHERS = """
401 invalid_signature
402 budget_exceeded
404 not_found unknown_callback unknown_event unknown_generation unknown_identity unknown_webhook
405 method_not_allowed
409 being_started conflict identity_failed identity_not_ready request_in_flight too_many_webhooks
422 filtered idempotency_key_reused
429 too_many_requests
500 internal_error provider_not_configured
502 generation_failed
503 provider_unavailable
504 still_running
"""
_STATUS_OF = {
    code: int(status) for status, *codes in map(str.split, _OTHERS.strip().splitlines()) for code in codes
}


def status_of(code: str) -> int:
    """The HTTP status that an error comes with: 400 unless it is one of the few others."""
    return _STATUS_OF.get(code, 400)
