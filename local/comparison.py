"""One character through several providers at once, by way of the API: identities, pictures, scores."""

import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import httpx

from character_evaluation.run import EvaluatedIdentity, EvaluationRow
from character_evaluation.scenarios import Scenario
from character_identity.domain.score import CLIP_ENCODER
from character_identity_client import (
    ApiClient,
    ApiError,
    DeadlinePassed,
    Finding,
    Generation,
    Identity,
    Image,
    JobFailed,
)
from local.errors import SENTENCES
from local.progress import TRAINING, Progress, Step
from local.results import Journal, Run
from local.shared_references import facts_of

TRAINING_TIMEOUT_S = 60 * 60
GENERATION_TIMEOUT_S = 10 * 60
SCORING_TIMEOUT_S = 2 * 60
IMAGES_AT_ONCE = 2
"""Pictures in the making at one provider: what fal allows new accounts."""

EXPECTED = (ApiError, JobFailed, DeadlinePassed, httpx.TransportError)
"""Errors of one provider while nothing is wrong with our own code."""

T = TypeVar("T")


@dataclass(frozen=True)
class Cell:
    """One place in the comparison: a scenario and its n-th variation, counted from 1."""

    scenario: Scenario
    variation: int

    @property
    def name(self) -> str:
        return f"{self.scenario.name}-{self.variation}"


@dataclass(frozen=True)
class Plan:
    """The character and scenarios of a comparison, and the run that it is kept in, with what it has ordered.

    Orders carry keys of the run and the cell, and what they led to is in the journal before it is waited for:
    the same run again, after whatever ended it, orders nothing twice.
    """

    character: str
    class_name: str | None
    references: Sequence[Path]
    cells: Sequence[Cell]
    run: Run
    journal: Journal


@dataclass(frozen=True, kw_only=True)
class ProviderResult:
    """The result of one provider; ``bugs`` are tracebacks of errors that nobody expected.

    ``warnings`` are what the API had to say about the references that it took.
    """

    identity: EvaluatedIdentity
    rows: list[EvaluationRow]
    seconds: float
    warnings: tuple[str, ...] = ()
    bugs: tuple[str, ...] = ()


class Stopped(BaseException):
    """The user stopped the demo; like KeyboardInterrupt, no failure for anyone to handle."""


class Sleep:
    """A sleep that ends at once, with ``Stopped``, when the demo is stopped."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def __call__(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise Stopped

    def stop(self) -> None:
        self._stopped.set()


def compare(
    api: ApiClient, plan: Plan, providers: Sequence[str], progress: Progress, pause: Sleep
) -> list[ProviderResult]:
    """The results of all providers, which work side by side; one that fails leaves the others alone."""
    most = {provider.name: provider.max_references for provider in api.list_providers()}
    with ThreadPoolExecutor(max_workers=len(providers)) as pool:
        try:
            return list(
                pool.map(lambda name: _Course(api, plan, name, progress).run(most.get(name)), providers)
            )
        except BaseException:
            pause.stop()
            raise


class _Course:
    """One provider's way through the demo."""

    def __init__(self, api: ApiClient, plan: Plan, provider: str, progress: Progress) -> None:
        self._api = api
        self._plan = plan
        self._provider = provider
        self._progress = progress
        self._warnings: list[str] = []
        self._bugs: list[str] = []
        self._may_have_ordered = False
        self._identity_id: str | None = None

    def run(self, most_references: int | None) -> ProviderResult:
        """The provider's identity and pictures, or why there are none."""
        started = time.monotonic()
        try:
            identity = self._make_identity(most_references)
        except Exception as exc:
            evaluated = EvaluatedIdentity(
                provider=self._provider, error=self._explain(exc), training_cost_usd=self._spent()
            )
            rows = [self._failed_row(cell, f"No identity: {evaluated.error}") for cell in self._plan.cells]
            self._show(Step("failed", detail=evaluated.error or ""))
        else:
            evaluated = EvaluatedIdentity(
                provider=self._provider,
                identity_id=identity.character_id,
                reference_count=len(identity.reference_urls),
                training_time_ms=identity.metadata.training_time,
                training_cost_usd=identity.metadata.cost,
            )
            rows = self._make_images(identity)
            self._show(Step("done"))
        return ProviderResult(
            identity=evaluated,
            rows=rows,
            seconds=time.monotonic() - started,
            warnings=tuple(self._warnings),
            bugs=tuple(self._bugs),
        )

    def _make_identity(self, most_references: int | None) -> Identity:
        keys = self._plan.journal.once(f"{self._provider}/references", lambda: self._upload(most_references))
        self._identity_id = identity_id = self._plan.journal.once(
            f"{self._provider}/identity", lambda: self._order_identity(keys)
        )
        identity = self._api.get_identity(identity_id)
        self._warnings = [self._warning(finding) for finding in identity.findings]
        if identity.status == "ready":
            return identity
        until = _in(TRAINING_TIMEOUT_S)
        return self._api.wait_until_ready(
            identity_id,
            timeout_s=TRAINING_TIMEOUT_S,
            on_progress=lambda now: self._show_training(now, until),
        )

    def _show_training(self, identity: Identity, until: datetime) -> None:
        phase = TRAINING.get(identity.phase or "training")
        if phase is not None:  # else it has ended
            self._show(Step(phase, identity.progress, 100, until=until))

    def _upload(self, most_references: int | None) -> list[str]:
        self._show(Step("uploading"))
        return self._api.upload_references(self._plan.references[:most_references])

    def _order_identity(self, keys: Sequence[str]) -> str:
        """The id of the identity. The API checks the references before it takes the order."""
        self._show(Step("checking the references"))
        self._may_have_ordered = True
        try:
            identity = self._api.create_identity(
                self._plan.character,
                self._provider,
                keys,
                class_name=self._plan.class_name,
                idempotency_key=f"{self._plan.run.run_id}/{self._provider}",
            )
        except ApiError as exc:
            self._may_have_ordered = exc.status >= 500
            raise ApiError(exc.status, exc.code, self._with_names(exc.message, keys), exc.request_id) from exc
        return identity.character_id

    def _spent(self) -> float | None:
        """The dollars that an identity cost which came to nothing; None if nobody knows."""
        if self._identity_id is None:
            return None if self._may_have_ordered else 0
        try:
            return self._api.get_identity(self._identity_id).metadata.cost
        except EXPECTED:
            return None

    def _with_names(self, message: str, keys: Sequence[str]) -> str:
        """A message about uploaded pictures with their names on this machine."""
        for key, path in zip(keys, self._plan.references, strict=False):
            message = message.replace(key, self._name(path))
        return message

    def _warning(self, finding: Finding) -> str:
        which = (
            "" if finding.reference is None else f"{self._name(self._plan.references[finding.reference])}: "
        )
        return f"{which}{finding.message} {finding.advice}"

    def _name(self, image: Path) -> str:
        return image.relative_to(self._plan.run.folder).as_posix()

    def _make_images(self, identity: Identity) -> list[EvaluationRow]:
        """The rows of all cells. Scores are waited for last: most are there by the time the pictures are."""
        cells = self._plan.cells
        with ThreadPoolExecutor(max_workers=IMAGES_AT_ONCE) as pool:
            made = self._counted("generating", pool.map(lambda cell: self._generate(identity, cell), cells))
            deadline = time.monotonic() + SCORING_TIMEOUT_S  # for all of them together
            rows = self._counted(
                "scoring", pool.map(lambda cell, one: self._collect(cell, one, deadline), cells, made)
            )
        return [row for rows_of_cell in rows for row in rows_of_cell]

    def _generate(self, identity: Identity, cell: Cell) -> Generation | str:
        """The cell's generation with its pictures made, or why it failed."""
        try:
            generation_id = self._plan.journal.once(
                f"{self._provider}/{cell.name}", lambda: self._order(identity, cell)
            )
            return self._api.wait_until_generated(generation_id, timeout_s=GENERATION_TIMEOUT_S)
        except Exception as exc:
            return self._explain(exc)

    def _order(self, identity: Identity, cell: Cell) -> str:
        ordered = self._api.generate(
            identity.character_id,
            cell.scenario.prompt(self._plan.character),
            seed=cell.scenario.seed(cell.variation),
            num_images=1,
            idempotency_key=f"{self._plan.run.run_id}/{self._provider}/{cell.name}",
        )
        return ordered.generation_id

    def _collect(self, cell: Cell, made: Generation | str, deadline: float) -> list[EvaluationRow]:
        """A row for every picture of a cell, downloaded and, if scoring is in time, scored."""
        if isinstance(made, str):
            return [self._failed_row(cell, made)]
        unscored = None
        try:
            left_s = max(0.0, deadline - time.monotonic())
            made = self._api.wait_until_scored(made.generation_id, timeout_s=left_s)
        except Exception as exc:  # the pictures are there all the same
            unscored = self._explain(exc)
        if not made.images:
            return [self._failed_row(cell, "The generation has no pictures.")]
        return [self._row(cell, made, number, image, unscored) for number, image in enumerate(made.images, 1)]

    def _row(
        self, cell: Cell, made: Generation, number: int, image: Image, unscored: str | None
    ) -> EvaluationRow:
        path, error = self._download(cell, number, image)
        if error is None and image.outcome == "succeeded" and not image.scores:
            error = image.not_scored.reason if image.not_scored else unscored
        score = next(iter(sorted(image.scores, key=lambda score: score.encoder != CLIP_ENCODER)), None)
        cost = made.metadata.cost
        return EvaluationRow(
            provider=self._provider,
            scenario=cell.scenario.name,
            variation=cell.variation,
            prompt=made.metadata.prompt_used or cell.scenario.prompt(self._plan.character),
            outcome=image.outcome,
            identity_id=made.character_id,
            generation_id=made.generation_id,
            seed=image.seed,
            image=path,
            error=error,
            **facts_of(score),
            latency_ms=made.metadata.inference_time,
            total_ms=made.metadata.total_time,
            cost_usd=None if cost is None else cost / len(made.images),
        )

    def _download(self, cell: Cell, number: int, image: Image) -> tuple[str | None, str | None]:
        """Return the image's path relative to the gallery, or else why there is none."""
        if image.outcome != "succeeded" or image.image_url is None:
            return None, image.reason
        which = cell.name if number == 1 else f"{cell.name}-{number}"
        place = Path("images", self._provider, f"{which}.jpg")
        path = self._plan.run.folder / place
        try:
            picture = self._api.download(image.image_url)
        except Exception as exc:
            return None, f"The picture could not be downloaded: {self._explain(exc)}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
        return place.as_posix(), None

    def _failed_row(self, cell: Cell, error: str) -> EvaluationRow:
        return EvaluationRow(
            provider=self._provider,
            scenario=cell.scenario.name,
            variation=cell.variation,
            prompt=cell.scenario.prompt(self._plan.character),
            outcome="failed",
            seed=cell.scenario.seed(cell.variation),
            error=error,
        )

    def _explain(self, exc: Exception) -> str:
        """The failure in a sentence; one that nobody expected is kept with its traceback as well."""
        if isinstance(exc, OSError) and exc.errno in SENTENCES:
            raise exc  # the disk is full, say: the run ends, and can be resumed
        if isinstance(exc, EXPECTED) and getattr(exc, "status", 0) != 500:
            return str(exc) or type(exc).__name__
        self._bugs.append("".join(traceback.format_exception(exc)))
        return f"{type(exc).__name__}: {exc}"

    def _counted(self, phase: str, results: Iterator[T]) -> list[T]:
        """All results, counted on the display as they come in."""
        total = len(self._plan.cells)
        found: list[T] = []
        until = _in(GENERATION_TIMEOUT_S) if phase == "generating" else None
        self._show(Step(phase, 0, total, until=until))
        for result in results:
            found.append(result)
            self._show(Step(phase, len(found), total, until=until))
        return found

    def _show(self, step: Step) -> None:
        self._progress.show(self._provider, step)


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
