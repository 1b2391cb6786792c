"""What can go wrong with a call, and with what is waited for."""

from collections.abc import Mapping
from typing import Any

from character_identity_client.models import Finding
from character_identity_client.secrecy import without_queries


class NotConfigured(ValueError):
    """Nobody has said where the API is, or who calls it."""


class ApiError(Exception):
    """The API, or a store it sent us to, refused a call; ``status`` is the HTTP status.

    ``code`` is stable, for programs; ``details`` are more about it, by the code: fields of the body, findings
    about references. ``request_id`` is what to quote when asking about it, where the API gave it a name.
    """

    def __init__(
        self, status: int, code: str, message: str, request_id: str | None = None, details: Any = None
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.details = details
        named = f", request {request_id}" if request_id else ""
        reasons = "".join(f"\n- {without_queries(reason)}" for reason in self._reasons())
        super().__init__(f"{message} ({code}, HTTP {status}{named}){reasons}")

    @property
    def findings(self) -> list[Finding]:
        """Return what was noticed about the references, where they are why the call was refused."""
        return [Finding.model_validate(detail) for detail in self._details() if "advice" in detail]

    @property
    def advice(self) -> list[str]:
        """Return what to do about it, a sentence each; of findings that only warn, none."""
        errors = [finding.advice for finding in self.findings if finding.severity == "error"]
        return [*dict.fromkeys(errors)]

    def _reasons(self) -> list[str]:
        fields = [detail for detail in self._details() if "field" in detail]
        return [
            *(f"{_place(finding)}{finding.message} {finding.advice}" for finding in self.findings),
            *(f"{detail['field'] or 'body'}: {detail.get('message', '')}" for detail in fields),
        ]

    def _details(self) -> list[Mapping[str, Any]]:
        details = self.details if isinstance(self.details, list) else []
        return [detail for detail in details if isinstance(detail, dict)]


def _place(finding: Finding) -> str:
    """Return which picture a finding is about, from 1; nothing where it is about all."""
    return "" if finding.reference is None else f"picture {finding.reference + 1}: "


class JobFailed(Exception):
    """The job that was waited for ended without its result."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message


class DeadlinePassed(TimeoutError):
    """A wait was given up; the job goes on, and may be waited for again."""


def unreadable(why: str) -> ApiError:
    """The error that an answer has another shape than it should."""
    return ApiError(200, "unreadable_answer", f"The API's answer could not be read: {why}")
