"""How long fal keeps files and records, whichever of its models made them."""

IMAGES_LIVE_S = 7 * 24 * 3600
WEIGHTS_LIVE_S = 30 * 24 * 3600
"""Seconds that fal shall keep what it makes; chosen 2026-11-23.

We copy everything at once, so a week is for a store that fails. Weights get 30 days where fal cannot reach
our copy and draws with its own. Unasked it keeps all files for ever, readable by whoever has the link
(https://fal.ai/docs/documentation/model-apis/media-expiration, read 2026-11-22).
"""
HISTORY_DAYS = 30
"""fal keeps a request's JSON (https://fal.ai/docs/documentation/model-apis/common-parameters, 2026-11-22)."""


def inputs_live_s(deadline_s: int) -> int:
    """Seconds that an uploaded reference shall live, for a job of such a deadline.

    A model reads it when it starts, and again when fal starts it again. After the deadline nobody wants that
    any more: a job that starts then had better fail for want of its input. As much time again is for what
    passes between the upload and the submit, with its retries.
    """
    return 2 * deadline_s


def kept(may_delete: bool, references_s: int, **outputs_s: int) -> str:
    """Return what remains at fal, in a sentence: the files by name, with how long they live in seconds."""
    if may_delete:
        return (
            "fal deletes its record of a request and the files that it made, and not the references that it "
            f"was sent: those it was told to keep {_duration(references_s)}."
        )
    told = [
        f"{name} {_duration(seconds)}" for name, seconds in {"references": references_s, **outputs_s}.items()
    ]
    return (
        "fal deletes for an admin key only, and there is none here. It was told how long to keep the files: "
        f"{', '.join(told)}. Its record of a request, with prompt and links, it keeps {HISTORY_DAYS} days."
    )


def _duration(seconds: int) -> str:
    days, minutes = divmod(seconds // 60, 24 * 60)
    return f"{days} days" if days else f"{minutes} minutes"
