"""What takes several calls, as steps: uploads, waits, and a whole job."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar, Unpack

import httpx

from character_identity_client.calls import FIRST_WAIT_S, TRY_AGAIN, repeated
from character_identity_client.effects import Do, Now, Send, Sleep, Steps
from character_identity_client.errors import ApiError, DeadlinePassed, JobFailed, unreadable
from character_identity_client.models import Generation, Identity, Image
from character_identity_client.operations import (
    GenerationOptions,
    create_identity,
    create_references,
    generate,
    get_generation,
    get_identity,
)
from character_identity_client.pictures import PictureFile, Pictures, is_reference, listed, picture_file

WAIT_GROWTH = 1.3
LONGEST_WAIT_S = 10.0
USUAL_TIMEOUT_S = 1800.0
OUTAGE_S = 120.0
"""So long a job may be out of sight, as while a machine wakes up; then its wait ends with what is wrong."""
MOST_AT_ONCE = 20
"""Upload tickets of one call."""
FRESH_FOR_S = 600.0
"""A store takes a file for 15 minutes after its ticket was given; older than this one is not begun with."""

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """How far a whole job is: ``done`` of ``total`` files, per cent of a training, pictures or scores."""

    stage: Literal["upload", "identity", "pictures", "scores"]
    done: int
    total: int


@dataclass(frozen=True)
class Result:
    """A character and its pictures."""

    identity: Identity
    generation: Generation

    @property
    def images(self) -> list[Image]:
        """The pictures, in order; some may have been filtered, or failed."""
        return self.generation.images


def upload_references(
    pictures: Pictures, *, on_progress: Callable[[int, int], None] | None = None
) -> Steps[list[str]]:
    """Upload pictures, or those of a folder; the keys to create an identity with, in the same order.

    Links and keys stay as they are. ``on_progress`` sees how many are done, and of how many.

    Raises:
        ValueError: there are no pictures in the folder, or one is of a format that is not taken.
        OSError: a picture cannot be read.
    """
    wanted = yield Do(lambda: listed(pictures))
    files: list[PictureFile | str] = []
    for number, each in enumerate(wanted, start=1):
        known = is_reference(each)
        files.append(each if known else (yield Do(partial(picture_file, each, number))))
    new = [each for each in files if isinstance(each, PictureFile)]
    keys: list[str] = []
    while len(keys) < len(new):
        some = new[len(keys) : len(keys) + MOST_AT_ONCE]
        fresh_until = (yield Now()) + FRESH_FOR_S
        tickets = yield from create_references([(f.name, f.content_type, f.size_bytes) for f in some])
        if len(tickets) != len(some):
            raise unreadable(f"{len(tickets)} upload tickets for {len(some)} files")
        for file, ticket in zip(some, tickets, strict=True):
            if ticket is not tickets[0] and (yield Now()) >= fresh_until:
                break
            part = (file.name, (yield Do(file.content)), file.content_type)
            yield from repeated(Send(method="POST", url=ticket.url, form=ticket.fields, file=part))
            keys.append(ticket.key)
            if on_progress is not None:
                on_progress(len(keys), len(new))
    uploaded = iter(keys)
    return [each if isinstance(each, str) else next(uploaded) for each in files]


def download(url: str) -> Steps[bytes]:
    """A picture, or whatever else a link of the API leads to."""
    answer = yield from repeated(Send(method="GET", url=url))
    return answer.content


def wait_until_ready(
    identity_id: str,
    *,
    timeout_s: float = USUAL_TIMEOUT_S,
    on_progress: Callable[[Identity], None] | None = None,
) -> Steps[Identity]:
    """The identity once it is ready; ``on_progress`` sees every poll of it.

    Raises:
        JobFailed: its training failed.
        DeadlinePassed: it is still training.
    """

    def poll() -> Steps[Identity | None]:
        identity = yield from get_identity(identity_id)
        _tell(on_progress, identity)
        return identity if identity.status == "ready" else None

    return wait(poll, f"identity {identity_id} to be ready", timeout_s)


def wait_until_generated(
    generation_id: str,
    *,
    timeout_s: float = USUAL_TIMEOUT_S,
    on_progress: Callable[[Generation], None] | None = None,
) -> Steps[Generation]:
    """The generation once its pictures are there; some of them may be filtered or failed.

    Raises:
        JobFailed: there are no pictures.
        DeadlinePassed: it is still running.
    """
    return _wait_for_generation(generation_id, lambda it: it.settled, "its pictures", timeout_s, on_progress)


def wait_until_scored(
    generation_id: str,
    *,
    timeout_s: float = USUAL_TIMEOUT_S,
    on_progress: Callable[[Generation], None] | None = None,
) -> Steps[Generation]:
    """The generation once every picture of it that succeeded has a score, or a reason why it has none.

    Raises:
        JobFailed: there are no pictures.
        DeadlinePassed: a score is still missing.
    """
    return _wait_for_generation(generation_id, lambda it: it.scored, "its scores", timeout_s, on_progress)


def run(
    name: str,
    provider: str,
    references: Pictures,
    prompt: str,
    *,
    class_name: str | None = None,
    timeout_s: float = USUAL_TIMEOUT_S,
    on_progress: Callable[[Progress], None] | None = None,
    **options: Unpack[GenerationOptions],
) -> Steps[Result]:
    """Make a character of pictures, or of a folder of them, and draw it: from upload to scores.

    ``timeout_s`` are the seconds for the training, and again for the pictures.

    Raises:
        TypeError: there is no such option; nothing was ordered.
        ApiError: something was refused.
        JobFailed: there is no identity, or there are no pictures.
        DeadlinePassed: it takes longer than that; what was ordered goes on.
    """
    if unknown := options.keys() - GenerationOptions.__annotations__.keys():
        raise TypeError(f"run() has no option {min(unknown)!r}.")  # the API would say so after a training

    def tell(stage: Literal["upload", "identity", "pictures", "scores"], done: int, total: int) -> None:
        if on_progress is not None:
            on_progress(Progress(stage, done, total))

    def tell_generation(now: Generation) -> None:
        if not now.settled:
            tell("pictures", 0, options.get("num_images") or 1)
        else:
            tell("scores", sum(image.judged for image in now.images), len(now.images))

    keys = yield from upload_references(references, on_progress=lambda done, of: tell("upload", done, of))
    identity = yield from create_identity(name, provider, keys, class_name=class_name)
    if identity.status != "ready":
        identity = yield from wait_until_ready(
            identity.character_id,
            timeout_s=timeout_s,
            on_progress=lambda now: tell("identity", now.progress, 100),
        )
    ordered = yield from generate(identity.character_id, prompt, **options)
    generation = yield from wait_until_scored(
        ordered.generation_id, timeout_s=timeout_s, on_progress=tell_generation
    )
    return Result(identity, generation)


def wait(
    poll: Callable[[], Steps[T | None]], what: str, timeout_s: float, longest_wait_s: float = LONGEST_WAIT_S
) -> Steps[T]:
    """Poll less and less often until there is something: about a third late at worst.

    A job that was seen goes on without us: that nobody answers for a while ends no wait for it.
    """
    deadline = (yield Now()) + timeout_s
    wait_s, seen_at = FIRST_WAIT_S, -math.inf
    while True:
        try:
            if (found := (yield from poll())) is not None:
                return found
            seen_at = yield Now()
        except (httpx.TransportError, ApiError) as trouble:
            passes = isinstance(trouble, httpx.TransportError) or trouble.status in TRY_AGAIN
            if not passes or (yield Now()) - seen_at > OUTAGE_S:
                raise
        left_s = deadline - (yield Now())
        if left_s <= 0:
            raise DeadlinePassed(f"Waited {timeout_s:g} s for {what}; the job goes on.")
        yield Sleep(min(wait_s, left_s))
        wait_s = min(wait_s * WAIT_GROWTH, longest_wait_s)


def _wait_for_generation(
    generation_id: str,
    is_done: Callable[[Generation], bool],
    what: str,
    timeout_s: float,
    on_progress: Callable[[Generation], None] | None,
) -> Steps[Generation]:
    def poll() -> Steps[Generation | None]:
        generation = yield from get_generation(generation_id)
        _tell(on_progress, generation)
        return generation if is_done(generation) else None

    return wait(poll, f"generation {generation_id} to have {what}", timeout_s)


J = TypeVar("J", Identity, Generation)


def _tell(on_progress: Callable[[J], None] | None, job: J) -> None:
    if on_progress is not None:
        on_progress(job)
    if job.status == "failed":
        if job.error is None:
            raise JobFailed("unknown", "It failed without saying why.")
        raise JobFailed(job.error.code, job.error.message)
