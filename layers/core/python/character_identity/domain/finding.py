"""Finding: something about reference images that their owner should know before paying for a training."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from character_identity.domain.text import shortened

Severity = Literal["error", "warning"]
"""The severities of a finding, the worst first."""


class _Check(NamedTuple):
    severity: Severity
    advice: str


_ANOTHER = "Replace it by another picture."
_UPLOAD = "Upload the picture and give its key instead."

CHECKS: dict[str, _Check] = {
    "unknown_reference": _Check("error", "Upload it with a ticket of your own and give the key as answered."),
    "unreachable_reference": _Check("error", f"See that the link answers a plain GET. {_UPLOAD}"),
    "forbidden_url": _Check("error", f"Give a plain https link. {_UPLOAD}"),
    "forbidden_host": _Check("error", f"Give a link to a public host. {_UPLOAD}"),
    "unknown_host": _Check("error", f"See that the host's name is right. {_UPLOAD}"),
    "file_too_large": _Check("error", "Save it smaller, as a JPEG."),
    "unreadable_image": _Check("error", "Save it again as JPEG, PNG or WebP."),
    "image_too_large": _Check("error", "Scale it down, and save it as a JPEG."),
    "image_too_small": _Check("error", "Take a larger original; scaling this one up adds nothing."),
    "black_image": _Check("error", _ANOTHER),
    "too_few_references": _Check("error", "Add different pictures of the same character."),
    "too_many_references": _Check("error", "Leave out those that add the least."),
    "duplicate_reference": _Check(
        "warning", "Give another picture in its place: a second copy teaches nothing."
    ),
    "near_duplicate": _Check(
        "warning", "Unless the small difference matters, give another pose, framing or light."
    ),
    "blurred": _Check("warning", "Take a sharper or larger original: the blur would be learned too."),
    "too_dark": _Check("warning", "Brighten it, or take one in better light."),
    "too_bright": _Check("warning", "Take one with less exposure: overexposed areas hold no detail."),
    "outlier": _Check("warning", "See that it shows the same character."),
    "no_face": _Check("warning", "See that the face can be seen from the front, and is large enough."),
    "several_faces": _Check("warning", "Crop it to the character: the others would be learned as well."),
    "analysis_unavailable": _Check(
        "warning", "Check again later for outliers and faces; nothing else depends on it."
    ),
}
"""The checks by code: how bad a finding is, and what to do about it."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """``reference`` is the picture's index in the request, ``file`` the name that its owner knows it by: its
    key, its link without the query, or its name in an archive; None where it is about all of them.

    Nothing is paid while there is an error; a warning only informs.
    """

    code: str
    severity: Severity
    reference: int | None
    file: str | None = None
    message: str
    advice: str

    @property
    def rank(self) -> int:
        """The place of the severity among all: 0 is the worst."""
        return get_args(Severity).index(self.severity)

    @classmethod
    def of(cls, code: str, message: str, reference: int | None = None) -> "Finding":
        """Return the finding of a check; a code that is not among CHECKS is an error."""
        check = CHECKS.get(code, _Check("error", _ANOTHER))
        return cls(
            code=code,
            severity=check.severity,
            reference=reference,
            message=shortened(message),
            advice=check.advice,
        )
