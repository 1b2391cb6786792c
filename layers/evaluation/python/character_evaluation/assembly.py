"""A run for the pages, out of what an evaluation has ordered and what came of it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import fsum
from operator import mul
from typing import Any

from character_evaluation.run import EvaluatedIdentity, EvaluationRow, EvaluationRun, RowOutcome, RunStatus
from character_identity.domain.evaluation import ERASED, NOT_ORDERED, STOPPED, Cell, Evaluation
from character_identity.domain.evaluation_material import Material
from character_identity.domain.failure import Failure
from character_identity.domain.generation import GeneratedImage, Generation
from character_identity.domain.identity import ProviderName
from character_identity.domain.provenance import MODELS
from character_identity.domain.score import DECIMALS, NotScored, Score
from character_identity.domain.scored_generation import LATE_REASON
from character_identity.domain.similarity import Embedding
from character_identity.domain.view import EncoderVersion

NOBODYS_FAILURE: Mapping[str, RowOutcome] = {STOPPED.code: "cancelled", ERASED.code: "erased"}
"""By the code of why a picture is not there."""
NO_PICTURE = "The provider gave fewer pictures than were asked for."
NOT_MADE = Failure(code="cancelled", message="The evaluation ended before it was made.")
Place = tuple[str, int]
"""A picture, by its generation and number."""
NEVER_ORDERED = "It was not ordered."
UNSEEN = "The evaluation ended before the picture was scored."


def assemble(material: Material) -> tuple[EvaluationRun, dict[str, str]]:
    """Return the run, and the key of each of its pictures by the path that the run knows it by."""
    evaluation, order = material.evaluation, material.order
    references = _references(evaluation)
    pictures = dict(references)
    rows, among = [], _among_themselves(material)
    for cell in order.cells(evaluation.providers):
        for row, key in _rows(material, cell, among):
            rows.append(row)
            if row.image is not None and key is not None:
                pictures[row.image] = key
    run = EvaluationRun(
        character=evaluation.name,
        started_at=evaluation.created_at,
        references=list(references),
        scenarios=order.scenarios,
        identities=[_identity(material, name) for name in evaluation.providers],
        rows=sorted(rows, key=lambda row: _place(material, row)),
        shared_references=len(evaluation.references),
        variations=order.variations,
        simulated=material.simulated,
        status=_status(evaluation),
        error=evaluation.error.message if evaluation.error else None,
        models={name: MODELS[name] for name in evaluation.providers if name in MODELS},
        prices={name: order.prices[name] for name in evaluation.providers if order.prices.get(name)},
        seed=order.seed,
    )
    return run, pictures


def _references(evaluation: Evaluation) -> dict[str, str]:
    """Return the keys of the references that are left, by paths of which none is ever another's.

    Those of several identities may have the same name, and a client does not fetch again what it has.
    """
    by_path = {f"references/{number:04}.jpg": key for number, key in enumerate(evaluation.references, 1)}
    left = evaluation.references_left
    return {path: key for path, key in by_path.items() if key in left}


def facts_of(score: Score | None, evaluation: Evaluation) -> dict[str, Any]:
    """Return what a row says of a score; the nearest reference is one of those that are left, by number."""
    if score is None:
        return {}
    face = score.face_identity
    places = {key: place for place, key in enumerate(evaluation.references)}
    by_place = sorted(score.per_reference, key=lambda each: places.get(each.reference, len(places)))
    nearest = max(by_place, key=lambda each: each.similarity).reference
    left = evaluation.references_left
    likeness = face.likeness if face else None
    return {
        "encoder": score.encoder,
        "weights_sha256": score.weights_sha256,
        "preprocessing": score.preprocessing,
        "similarity_mean": score.mean,
        "similarity_best": score.best,
        "clip_similarity": score.mean if score.is_clip else None,
        "calibrated": score.calibration.calibrated if score.calibration else None,
        "near_copy": score.near_copy.reference if score.near_copy else None,
        "first_similarity": by_place[0].similarity,
        "nearest_reference": left.index(nearest) + 1 if nearest in left else None,
        "face_encoder": face.encoder if face else None,
        "face_weights_sha256": face.weights_sha256 if face else None,
        "face_preprocessing": face.preprocessing if face else None,
        "face_similarity_mean": likeness.mean if likeness else None,
        "face_similarity_best": likeness.best if likeness else None,
        "face_calibrated": likeness.calibration.calibrated if likeness and likeness.calibration else None,
        "face_not_scored": face.no_face if face else None,
    }


def _among_themselves(material: Material) -> dict[Place, float]:
    """Return how like the others of its provider each picture is that is compared, by one encoder."""
    by: defaultdict[tuple[str, EncoderVersion], dict[Place, Embedding]] = defaultdict(dict)
    for cell in material.order.cells(material.evaluation.providers):
        compared = min(cell.images, material.order.variations - cell.variation + 1)
        for index in range(1, compared + 1):
            place = (material.evaluation.generation_id(cell), index)
            score, seen = material.shared.get(place), material.embeddings.get(place)
            if isinstance(score, Score) and seen is not None:
                by[cell.provider, score.version][place] = seen
    return {place: mean for views in by.values() for place, mean in means_among(views).items()}


def means_among(views: Mapping[Place, Embedding]) -> dict[Place, float]:
    """Return the mean cosine of each with the others; of one alone there is none.

    All pairs need not be compared: a sum of cosines is the cosine with the sum.
    """
    if len(views) < 2:
        return {}
    total = [fsum(values) for values in zip(*views.values(), strict=True)]
    return {
        place: round((_dot(view, total) - _dot(view, view)) / (len(views) - 1), DECIMALS)
        for place, view in views.items()
    }


def _dot(one: Embedding, other: Embedding) -> float:
    return fsum(map(mul, one, other))


def _place(material: Material, row: EvaluationRow) -> tuple[int, int, int]:
    scenarios = [scenario.name for scenario in material.order.scenarios]
    return [*material.providers].index(row.provider), scenarios.index(row.scenario), row.variation


def _identity(material: Material, provider: ProviderName) -> EvaluatedIdentity:
    evaluation, identity = material.evaluation, material.identities.get(provider)
    failure = evaluation.failures.get(provider)
    if failure is None and _is_partial(material) and (identity is None or identity.status != "ready"):
        failure = identity.error if identity and identity.error else NOT_MADE
    return EvaluatedIdentity(
        provider=provider,
        identity_id=evaluation.identities[provider],
        error=failure.message if failure else None,
        reference_count=len(identity.references) if identity else None,
        training_time_ms=identity.took_ms if identity else None,
        training_cost_usd=identity.cost_usd if identity else 0.0,
    )


def _rows(
    material: Material, cell: Cell, among: Mapping[Place, float]
) -> Iterator[tuple[EvaluationRow, str | None]]:
    """A row for each picture that was asked for, whatever became of it, and its key if it is there."""
    generation = material.generations.get(material.evaluation.generation_id(cell))
    images = {image.index: image for image in generation.images} if generation else {}
    # Pictures beyond the variations are compared with nobody's; where there are none, nobody misses them.
    wanted = cell.images if images else min(cell.images, material.order.variations)
    for index in range(1, wanted + 1):
        if generation is not None and index in images:
            row, key = _made(material, cell, generation, images[index])
            yield replace(row, run_similarity_mean=among.get((generation.generation_id, index))), key
        else:
            yield _missing(material, cell, generation, index), None


def _made(
    material: Material, cell: Cell, generation: Generation, image: GeneratedImage
) -> tuple[EvaluationRow, str | None]:
    place = (generation.generation_id, image.index)
    shared, own = material.shared.get(place), material.own.get(place)
    error = image.reason
    if image.outcome == "succeeded" and not isinstance(shared, Score):
        late = UNSEEN if _is_partial(material) else LATE_REASON
        error = shared.reason if isinstance(shared, NotScored) else late
    suffix = image.key.rpartition(".")[2] if image.key else ""
    variation = cell.variation + image.index - 1
    is_there = image.outcome == "succeeded" and image.key is not None
    row = EvaluationRow(
        **_what(material, cell, generation, image.index),
        outcome=image.outcome,
        image=f"images/{cell.provider}/{cell.scenario}-{variation}.{suffix}" if is_there else None,
        error=error,
        **facts_of(shared if isinstance(shared, Score) else None, material.evaluation),
        own_similarity_mean=own.mean if own else None,
        latency_ms=generation.took_ms,
        total_ms=_total_ms(generation),
        cost_usd=None if generation.cost_usd is None else generation.cost_usd / len(generation.images),
    )
    return row, image.key


def _total_ms(generation: Generation) -> float | None:
    """Return what passed from our order on, in milliseconds: the provider's work, its line, and ours."""
    if generation.settled_at is None:
        return None
    return round((generation.settled_at - generation.created_at).total_seconds() * 1000)


def _missing(material: Material, cell: Cell, generation: Generation | None, index: int) -> EvaluationRow:
    """A picture that is not there: it failed, or the evaluation ended before it could be."""
    outcome = material.outcomes.get(cell.cell_id)
    why = (outcome.error if outcome else None) or (generation.error if generation else None)
    if outcome is None and generation is not None and generation.settled_at is None:
        why = STOPPED
    elif outcome is None and generation is None and _is_partial(material):
        why = NOT_ORDERED
    cost = generation.cost_usd if generation and index == 1 else None
    if outcome is not None and outcome.was_erased and outcome.cost_usd is not None:
        cost = outcome.cost_usd / min(cell.images, material.order.variations)
    no_reason = NO_PICTURE if generation and generation.images else NEVER_ORDERED
    return EvaluationRow(
        **_what(material, cell, generation, index),
        outcome=NOBODYS_FAILURE.get(why.code, "failed") if why else "failed",
        error=why.message if why else no_reason,
        cost_usd=cost or None,
    )


def _is_partial(material: Material) -> bool:
    return _status(material.evaluation) != "completed"


def _status(evaluation: Evaluation) -> RunStatus:
    return evaluation.status if evaluation.status in ("failed", "cancelled") else "completed"


def _what(material: Material, cell: Cell, generation: Generation | None, index: int) -> dict[str, Any]:
    order = material.order
    request = order.request(cell)
    prompt = generation.prompt_used if generation else None
    images = {image.index: image for image in generation.images} if generation else {}
    seed = images[index].seed if index in images else None
    return {
        "provider": cell.provider,
        "scenario": cell.scenario,
        "variation": cell.variation + index - 1,
        "prompt": prompt or request.prompt,
        "identity_id": material.evaluation.identities[cell.provider],
        "generation_id": generation.generation_id if generation else None,
        "seed": request.seed + index - 1 if seed is None else seed,
    }
