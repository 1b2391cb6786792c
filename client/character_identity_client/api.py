"""The API over HTTPS: calls, errors, and waiting for jobs."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx
from pydantic import TypeAdapter, ValidationError

from character_identity_client.models import (
    Comparison,
    Estimate,
    Evaluation,
    EvaluationEstimate,
    EvaluationOrder,
    EvaluationSummary,
    Generation,
    GenerationSummary,
    Identity,
    IdentitySummary,
    Provider,
    ReferenceCheck,
    Upload,
    Usage,
    Webhook,
)
from character_identity_client.secrecy import bearer

TIMEOUT = httpx.Timeout(connect=5, read=35, write=60, pool=5)
"""Seconds. API Gateway gives a function 30 to answer; uploads are a few megabytes."""

CONTENT_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
"""The pictures that the API takes as references, by the end of their names."""

ATTEMPTS = 4
TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
TOO_EARLY = frozenset({409, 429, 503})
"""With ``Retry-After``: an order with the same key is being worked on, or there were too many calls."""
MAX_RETRY_WAIT_S = 90.0
"""The longest to wait in all where the API says when to ask again; it continues a dead order after 60."""

FIRST_WAIT_S = 0.3
WAIT_GROWTH = 1.3
LONGEST_WAIT_S = 10.0
LONGEST_LOOK_S = 3.0
"""Between two looks at an evaluation, which people watch."""

PAGE = "100"
"""Entries of a list that are asked for at once; the API gives no more."""

T = TypeVar("T")


class ApiError(Exception):
    """The API, or a store it sent us to, refused a call; ``status`` is the HTTP status.

    ``request_id`` is what to quote when asking about it, where the API gave it a name.
    """

    def __init__(self, status: int, code: str, message: str, request_id: str | None = None) -> None:
        named = f", request {request_id}" if request_id else ""
        super().__init__(f"{message} ({code}, HTTP {status}{named})")
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id


class JobFailed(Exception):
    """The job that was waited for ended without its result."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message


class DeadlinePassed(TimeoutError):
    """A wait was given up; the job goes on, and may be waited for again."""


class ApiClient:
    """Calls the API for one owner, and repeats calls that failed or came too early, a few times.

    Orders carry an idempotency key, by default a new one each, so that a repeated call is not a second order.
    Give one to be safe beyond this process: who asks again with it, within a day, gets what it led to.

    Safe to use from several threads.
    """

    def __init__(
        self,
        api_url: str,
        token: str,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Talk to the API at ``api_url``, to which paths such as ``/v1/identities`` are appended.

        Raises:
            ValueError: the token is none, or would cross a network in clear text.
        """
        refuse_clear_text(api_url)
        self._api = httpx.Client(
            base_url=api_url,
            headers={"Authorization": bearer(token), "Accept": "application/json"},
            timeout=TIMEOUT,
            transport=transport,
        )
        # Stores get no token: their links carry their own permission.
        self._stores = httpx.Client(timeout=TIMEOUT, transport=transport)
        self._clock = clock
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        self._stores.close()

    def list_providers(self) -> list[Provider]:
        """The providers, with the number of references each one takes."""
        answer = self._get("/v1/providers")
        return _parse(TypeAdapter(list[Provider]), _field(answer, "providers"))

    def upload_references(self, paths: Sequence[Path]) -> list[str]:
        """Upload pictures; the keys to create an identity with, in the same order."""
        files = [
            {"name": path.name, "contentType": _content_type(path), "sizeBytes": path.stat().st_size}
            for path in paths
        ]
        answer = self._post("/v1/references", {"files": files})
        uploads = _parse(TypeAdapter(list[Upload]), _field(answer, "uploads"))
        if len(uploads) != len(paths):
            raise _unreadable(f"{len(uploads)} upload tickets for {len(paths)} files")
        for path, upload in zip(paths, uploads, strict=True):
            with path.open("rb") as file:
                part = {"file": (path.name, file, _content_type(path))}
                _raise_for_error(self._stores.post(upload.url, data=upload.fields, files=part))
        return [upload.key for upload in uploads]

    def check_references(self, references: Sequence[str], *, provider: str | None = None) -> ReferenceCheck:
        """Check uploaded keys or links, also against the limits of a provider; free."""
        body = {"references": list(references), "provider": provider}
        return _parse(TypeAdapter(ReferenceCheck), self._post("/v1/references/check", body))

    def create_identity(
        self,
        name: str,
        provider: str,
        references: Sequence[str],
        *,
        class_name: str | None = None,
        idempotency_key: str | None = None,
    ) -> Identity:
        """Create an identity from uploaded keys or links; it may still have to be trained."""
        body = {"name": name, "provider": provider, "references": list(references), "className": class_name}
        return _parse(TypeAdapter(Identity), self._order("/v1/identities", body, idempotency_key))

    def estimate_identity(self, provider: str) -> Estimate:
        """Return the cost of creating an identity; free."""
        body = {"name": "Estimate", "provider": provider}
        return _parse(TypeAdapter(Estimate), self._post("/v1/identities/estimate", body))

    def cancel_identity(self, identity_id: str) -> Identity:
        """Give a training up; an identity that is ready or failed stays as it is."""
        return _parse(TypeAdapter(Identity), self._post(f"/v1/identities/{identity_id}/cancel"))

    def get_identity(self, identity_id: str) -> Identity:
        """An identity as it is now."""
        return _parse(TypeAdapter(Identity), self._get(f"/v1/identities/{identity_id}"))

    def list_identities(
        self, *, status: str | None = None, provider: str | None = None, since: datetime | None = None
    ) -> Iterator[IdentitySummary]:
        """The identities, newest first, all or those that are so; pages are asked for as they are needed.

        ``since`` is an aware time: only what was created then or later.
        """
        wanted = {"status": status, "provider": provider, "since": since.isoformat() if since else None}
        return self._list("/v1/identities", "identities", TypeAdapter(list[IdentitySummary]), wanted)

    def list_generations(
        self,
        identity_id: str,
        *,
        status: str | None = None,
        provider: str | None = None,
        since: datetime | None = None,
    ) -> Iterator[GenerationSummary]:
        """The generations of an identity, newest first; as ``list_identities``."""
        wanted = {"status": status, "provider": provider, "since": since.isoformat() if since else None}
        path = f"/v1/identities/{identity_id}/generations"
        return self._list(path, "generations", TypeAdapter(list[GenerationSummary]), wanted)

    def list_webhooks(self) -> Iterator[Webhook]:
        """The registered webhooks, newest first."""
        return self._list("/v1/webhooks", "webhooks", TypeAdapter(list[Webhook]), {})

    def generate(
        self,
        identity_id: str,
        prompt: str,
        *,
        negative_prompt: str | None = None,
        aspect_ratio: str | None = None,
        guidance_scale: float | None = None,
        num_inference_steps: int | None = None,
        seed: int | None = None,
        num_images: int | None = None,
        idempotency_key: str | None = None,
    ) -> Generation:
        """Order pictures of an identity; what is None is left to the API."""
        body = {
            "prompt": prompt,
            "negativePrompt": negative_prompt,
            "aspectRatio": aspect_ratio,
            "guidanceScale": guidance_scale,
            "numInferenceSteps": num_inference_steps,
            "seed": seed,
            "numImages": num_images,
        }
        path = f"/v1/identities/{identity_id}/generations"
        return _parse(TypeAdapter(Generation), self._order(path, body, idempotency_key))

    def compare(
        self,
        images: Sequence[str | tuple[str, int]],
        *,
        identity_id: str | None = None,
        references: Sequence[str | tuple[str, int]] | None = None,
        class_name: str | None = None,
    ) -> Comparison:
        """Score pictures against an identity or against references; free, and nothing is stored.

        A picture is an uploaded key, a link, or a generation's id and the number of its picture, from 1.
        """
        body = {
            "images": _pictures(images),
            "characterId": identity_id,
            "references": None if references is None else _pictures(references),
            "className": class_name,
        }
        return _parse(TypeAdapter(Comparison), self._post("/v1/scores", body))

    def estimate_generation(
        self,
        identity_id: str,
        prompt: str,
        *,
        aspect_ratio: str | None = None,
        num_inference_steps: int | None = None,
        num_images: int | None = None,
    ) -> Estimate:
        """Return the cost of images of an identity; free."""
        body = {
            "prompt": prompt,
            "aspectRatio": aspect_ratio,
            "numInferenceSteps": num_inference_steps,
            "numImages": num_images,
        }
        answer = self._post(f"/v1/identities/{identity_id}/generations/estimate", body)
        return _parse(TypeAdapter(Estimate), answer)

    def estimate_evaluation(self, order: EvaluationOrder) -> EvaluationEstimate:
        """Return the cost of an evaluation; free."""
        return _parse(TypeAdapter(EvaluationEstimate), self._post("/v1/evaluations/estimate", _body(order)))

    def create_evaluation(self, order: EvaluationOrder, *, idempotency_key: str | None = None) -> Evaluation:
        """Have providers compared; identities and pictures are made, and paid, as by their own calls."""
        answer = self._order("/v1/evaluations", _body(order), idempotency_key)
        return _parse(TypeAdapter(Evaluation), answer)

    def get_evaluation(self, evaluation_id: str) -> Evaluation:
        """An evaluation as it is now."""
        return _parse(TypeAdapter(Evaluation), self._get(f"/v1/evaluations/{evaluation_id}"))

    def list_evaluations(
        self, *, status: str | None = None, since: datetime | None = None
    ) -> Iterator[EvaluationSummary]:
        """The evaluations, newest first; as ``list_identities``."""
        wanted = {"status": status, "since": since.isoformat() if since else None}
        return self._list("/v1/evaluations", "evaluations", TypeAdapter(list[EvaluationSummary]), wanted)

    def cancel_evaluation(self, evaluation_id: str) -> Evaluation:
        """Give an evaluation up; one that has ended stays as it is."""
        return _parse(TypeAdapter(Evaluation), self._post(f"/v1/evaluations/{evaluation_id}/cancel"))

    def evaluation_result(self, evaluation_id: str, file: str) -> bytes:
        """A result of a completed evaluation, such as ``results.csv``."""
        path = f"/v1/evaluations/{evaluation_id}/{file}"

        def read() -> httpx.Response:
            answer = self._api.get(path, headers={"Accept": "*/*"})
            elsewhere = (
                answer.headers.get("Location") if answer.status_code == httpx.codes.SEE_OTHER else None
            )
            return self._stores.get(elsewhere) if elsewhere else answer

        return self._repeat(read).content

    def usage(self, month: str | None = None) -> Usage:
        """Return the budget of a month, as in ``2026-11``, by default of the present one."""
        return _parse(TypeAdapter(Usage), self._get("/v1/usage", month=month))

    def get_generation(self, generation_id: str) -> Generation:
        """A generation as it is now."""
        return _parse(TypeAdapter(Generation), self._get(f"/v1/generations/{generation_id}"))

    def wait_until_ready(
        self, identity_id: str, *, timeout_s: float, on_progress: Callable[[Identity], None] | None = None
    ) -> Identity:
        """The identity once it is ready; ``on_progress`` sees every poll of it.

        Raises:
            JobFailed: its training failed.
            DeadlinePassed: it is still training.
        """

        def read() -> Identity | None:
            identity = self.get_identity(identity_id)
            if on_progress is not None:
                on_progress(identity)
            if identity.status == "failed":
                raise _job_failed("the identity", identity)
            return identity if identity.status == "ready" else None

        return self._wait(read, f"identity {identity_id} to be ready", timeout_s)

    def wait_until_generated(self, generation_id: str, *, timeout_s: float) -> Generation:
        """The generation once its pictures are there; some of them may be filtered or failed.

        Raises:
            JobFailed: there are no pictures.
            DeadlinePassed: it is still running.
        """
        return self._wait_for_generation(generation_id, lambda g: g.settled, "its pictures", timeout_s)

    def wait_until_scored(self, generation_id: str, *, timeout_s: float) -> Generation:
        """The generation once every picture of it that succeeded has a score.

        Raises:
            JobFailed: there are no pictures.
            DeadlinePassed: a score is still missing.
        """
        return self._wait_for_generation(generation_id, lambda g: g.scored, "its scores", timeout_s)

    def wait_until_evaluated(
        self,
        evaluation_id: str,
        *,
        timeout_s: float,
        on_progress: Callable[[Evaluation], None] | None = None,
    ) -> Evaluation:
        """The evaluation once it has an outcome, whichever; ``on_progress`` sees every poll of it.

        Raises:
            DeadlinePassed: it is still running.
        """

        def read() -> Evaluation | None:
            evaluation = self.get_evaluation(evaluation_id)
            if on_progress is not None:
                on_progress(evaluation)
            return evaluation if evaluation.settled else None

        return self._wait(read, f"evaluation {evaluation_id} to end", timeout_s, LONGEST_LOOK_S)

    def download(self, url: str) -> bytes:
        """A picture, or whatever else a link of the API leads to."""
        return self._repeat(lambda: self._stores.get(url, follow_redirects=True)).content

    def _wait_for_generation(
        self, generation_id: str, done: Callable[[Generation], bool], what: str, timeout_s: float
    ) -> Generation:
        def read() -> Generation | None:
            generation = self.get_generation(generation_id)
            if generation.status == "failed":
                raise _job_failed("the generation", generation)
            return generation if done(generation) else None

        return self._wait(read, f"generation {generation_id} to have {what}", timeout_s)

    def _wait(
        self,
        read: Callable[[], T | None],
        what: str,
        timeout_s: float,
        longest_wait_s: float = LONGEST_WAIT_S,
    ) -> T:
        """Poll less and less often until ``read`` finds something: about a third late at worst."""
        deadline = self._clock() + timeout_s
        wait_s = FIRST_WAIT_S
        while (found := read()) is None:
            left_s = deadline - self._clock()
            if left_s <= 0:
                raise DeadlinePassed(f"Waited {timeout_s:.0f} s for {what}.")
            self._sleep(min(wait_s, left_s))
            wait_s = min(wait_s * WAIT_GROWTH, longest_wait_s)
        return found

    def _get(self, path: str, **query: str | None) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        return _json(self._repeat(lambda: self._api.get(path, params=given)))

    def _list(
        self, path: str, entries: str, shape: TypeAdapter[list[T]], wanted: Mapping[str, str | None]
    ) -> Iterator[T]:
        """The entries of a list; a page without any is not the end, one without a cursor is."""
        cursor: str | None = None
        while True:
            page = self._get(path, limit=PAGE, cursor=cursor, **wanted)
            yield from _parse(shape, _field(page, entries))
            cursor = page.get("nextCursor")
            if cursor is None:
                return

    def _order(self, path: str, body: Mapping[str, Any], idempotency_key: str | None) -> Any:
        """Post what costs money; every attempt carries the same key."""
        return self._post(path, body, {"Idempotency-Key": idempotency_key or str(uuid4())})

    def _post(
        self, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Post what may be posted again: an order with its key, or what orders nothing."""
        given = {name: value for name, value in (body or {}).items() if value is not None}
        return _json(self._repeat(lambda: self._api.post(path, json=given, headers=headers)))

    def _repeat(self, call: Callable[[], httpx.Response]) -> httpx.Response:
        """The answer of a call, which is made again where that may help, or when the API says so."""
        failures, waited_s = 0, 0.0
        while True:
            outcome = _outcome(call)
            delay_s = _told_to_wait_s(outcome)
            if delay_s is None and _may_pass(outcome):
                failures += 1
                delay_s = FIRST_WAIT_S * 2**failures if failures < ATTEMPTS else None
            if delay_s is None or waited_s + delay_s > MAX_RETRY_WAIT_S:
                if isinstance(outcome, httpx.TransportError):
                    raise outcome
                return _raise_for_error(outcome)
            self._sleep(delay_s)
            waited_s += delay_s


def refuse_clear_text(api_url: str) -> None:
    """Let no token cross a network in clear text.

    Raises:
        ValueError: it would, at this URL.
    """
    url = httpx.URL(api_url)
    local = url.host in ("localhost", "127.0.0.1", "::1") or url.host.endswith(".localhost")
    if url.scheme != "https" and not local:
        raise ValueError(f"The API must be called over HTTPS, not at {url.scheme}://{url.host}.")


def _body(order: EvaluationOrder) -> dict[str, Any]:
    return order.model_dump(mode="json", by_alias=True, exclude_none=True)


def _pictures(pictures: Sequence[str | tuple[str, int]]) -> list[str | dict[str, str | int]]:
    return [
        each if isinstance(each, str) else {"generationId": each[0], "imageNumber": each[1]}
        for each in pictures
    ]


def _content_type(path: Path) -> str:
    return CONTENT_TYPES.get(path.suffix.lower(), "application/octet-stream")


def _raise_for_error(response: httpx.Response) -> httpx.Response:
    """The response, unless it says that the call failed."""
    if response.is_success:
        return response
    try:
        body = response.json()
    except ValueError:
        body = {}
    problem = body if isinstance(body, dict) else {}
    code = str(problem.get("code") or "unknown")
    message = str(problem.get("message") or response.reason_phrase or "no explanation")
    raise ApiError(response.status_code, code, message, response.headers.get("x-request-id"))


def _outcome(call: Callable[[], httpx.Response]) -> httpx.Response | httpx.TransportError:
    try:
        return call()
    except httpx.TransportError as exc:
        return exc


def _told_to_wait_s(outcome: httpx.Response | httpx.TransportError) -> float | None:
    """After how long the API wants to be asked again; None if it does not say, or does not want it."""
    if isinstance(outcome, httpx.TransportError) or outcome.status_code not in TOO_EARLY:
        return None
    seconds = outcome.headers.get("Retry-After", "")
    return max(float(seconds), FIRST_WAIT_S) if seconds.isdecimal() else None


def _may_pass(outcome: httpx.Response | httpx.TransportError) -> bool:
    return isinstance(outcome, httpx.TransportError) or outcome.status_code in TRY_AGAIN


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        raise _unreadable("not JSON") from None  # which has all of it


def _field(answer: Any, name: str) -> Any:
    if not isinstance(answer, dict) or name not in answer:
        raise _unreadable(f"no {name}")
    return answer[name]


def _parse(shape: TypeAdapter[T], answer: Any) -> T:
    try:
        return shape.validate_python(answer)
    except ValidationError as exc:
        fields = [".".join(map(str, error["loc"])) for error in exc.errors(include_input=False)]
        raise _unreadable(", ".join(fields)) from None  # which quotes what was sent: links, a secret


def _unreadable(why: str) -> ApiError:
    return ApiError(200, "unreadable_answer", f"The API's answer could not be read: {why}")


def _job_failed(what: str, job: Identity | Generation) -> JobFailed:
    if job.error is None:
        return JobFailed("unknown", f"{what} failed without saying why")
    return JobFailed(job.error.code, job.error.message)
