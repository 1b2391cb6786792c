"""What a run says about the providers, in words: a recommendation, or why there is none."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from character_evaluation.differences import FEWEST_CLUSTERS, Difference, Measure, cluster_means
from character_evaluation.pages import dollars
from character_evaluation.power import smallest_gap
from character_evaluation.recommendation import RISK_IDENTITY, Measures, Recommendation, recommend
from character_evaluation.run import EvaluationRow, EvaluationRun
from character_identity.domain.text import counted


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """``provider`` is None where nothing is decided; ``sentences`` say why, and what would settle it.

    ``identity`` is what ``pairs`` are differences of: ``face`` or ``whole picture``.
    """

    provider: str | None
    sentences: tuple[str, ...]
    pairs: Sequence[Difference] = ()
    identity: Literal["face", "whole picture"] = "whole picture"


def verdict(run: EvaluationRun) -> Verdict:
    """Judge a run by the rule of ``recommendation``, where its scores can be compared at all."""
    hindrance = _hindrance(run)
    if hindrance:
        return Verdict(provider=None, sentences=(hindrance,))
    found = recommend(measures_of(run.compared))
    return Verdict(
        provider=found.provider,
        sentences=(*_sentences(found, run), *_left_out(run)),
        pairs=found.identity,
        identity="face" if faces_count(run.compared) else "whole picture",
    )


def shortfall(run: EvaluationRun) -> str | None:
    """Say what a run lacks that ended before it was completed; None of one that was completed."""
    if not run.is_partial:
        return None
    asked = sum(row.outcome != "cancelled" for row in run.rows)
    stopped = sum(row.was_stopped for row in run.rows)
    never = len(run.rows) - asked - stopped
    ended = "was cancelled" if run.status == "cancelled" else "failed"
    why = f" ({run.error.rstrip('.')})" if run.error and run.status == "failed" else ""
    planned = counted(len(run.rows), "planned picture")
    return (
        f"The evaluation {ended}{why}. Of {planned}, drawn or failed: {asked}; "
        f"stopped while they were drawn: {stopped}; never ordered: {never}. "
        "What was stopped or never ordered is no failure of its provider."
    )


def measures_of(rows: Sequence[EvaluationRow]) -> Measures:
    """Return what is weighed: scores and latencies of pictures that succeeded, and the price of each of them.

    Identity is how like the faces are, where ``faces_count``, else the whole pictures; that of a near copy of
    a reference says nothing of who drew it. What a scenario's
    pictures cost is divided by those that succeeded in it: a filtered one was paid too.
    """
    return Measures(
        identity=(faces_of(rows) if faces_count(rows) else whole_pictures_of(rows)),
        price_usd=_prices(rows),
        latency_ms=_measured(rows, lambda row: row.latency_ms),
    )


def similarity_of(rows: Sequence[EvaluationRow]) -> Measure:
    """Return how like the whole pictures are to the references, near copies of these too."""
    return _measured(rows, lambda row: row.similarity_mean)


def whole_pictures_of(rows: Sequence[EvaluationRow]) -> Measure:
    """Return how like the whole pictures are to the references, but for near copies."""
    return _measured(rows, lambda row: None if row.near_copy else row.similarity_mean)


def faces_of(rows: Sequence[EvaluationRow]) -> Measure:
    """Return how like the faces are to those of the references, where there are any, but for near copies."""
    return _measured(rows, lambda row: None if row.near_copy else row.face_similarity_mean)


def faces_count(rows: Sequence[EvaluationRow]) -> bool:
    """True if faces decide: one version of an encoder compared them, and enough scenarios of every provider
    with scores have some.

    Who gave no picture that was scored is behind by neither measure, and so chooses none for the others.
    """
    faces, whole = faces_of(rows), whole_pictures_of(rows)
    with_face = [set(cluster_means(faces, each)) for each in whole if cluster_means(whole, each)]
    shared = set.intersection(*with_face) if with_face else set()
    return len(shared) >= FEWEST_CLUSTERS and len({row.face_version for row in rows if row.face_version}) == 1


def _measured(rows: Sequence[EvaluationRow], value: Callable[[EvaluationRow], float | None]) -> Measure:
    measure: dict[str, dict[str, list[float]]] = {row.provider: defaultdict(list) for row in rows}
    for row in rows:
        measured = value(row) if row.outcome == "succeeded" else None
        if measured is not None:
            measure[row.provider][row.scenario].append(measured)
    return measure


def _prices(rows: Sequence[EvaluationRow]) -> Measure:
    prices: dict[str, dict[str, list[float]]] = {row.provider: {} for row in rows}
    for provider, scenario in {(row.provider, row.scenario): None for row in rows}:
        cell = [row for row in rows if (row.provider, row.scenario) == (provider, scenario)]
        accepted = [row for row in cell if row.outcome == "succeeded"]
        costs = [row.cost_usd for row in cell if row.is_in_price]
        if accepted and None not in costs:
            prices[provider][scenario] = [sum(cost for cost in costs if cost) / len(accepted)]
    return prices


def _hindrance(run: EvaluationRun) -> str | None:
    if run.simulated:
        return "Not decided: simulators drew the pictures, which say nothing about the providers."
    if len(run.identities) < 2:
        return "Not decided: there is nothing to compare with."
    if len(run.encoders) > 1:
        return f"Not decided: scores of different encoders cannot be compared ({', '.join(run.encoders)})."
    if len({row.version for row in run.rows if row.version}) > 1:
        return "Not decided: scores by different weights or preprocessing of an encoder cannot be compared."
    counts = {identity.reference_count for identity in run.identities if identity.error is None}
    if len(counts) > 1 and run.shared_references is None:
        return (
            "Not decided: the providers took different references, and each was scored against its own. "
            "With no more pictures than the provider that takes the fewest they can be compared."
        )
    return None


def _sentences(found: Recommendation, run: EvaluationRun) -> list[str]:
    if found.provider and found.decided_by == "identity":
        return [
            f"Recommended: {found.provider}. {_nearer(run)}.",
            *_seen(run),
            *_resolution(found.identity),
        ]
    if found.provider:
        return [
            f"Recommended: {found.provider}. In identity it is not decidedly behind any other, "
            "and price and time of its pictures, weighed alike, are decidedly less.",
            *_seen(run),
            f"The same with a weight of price against time {_weights(found, found.provider)}.",
            *_otherwise(found),
            *_resolution(found.identity),
        ]
    undecided = "Not decided: neither identity nor price and time tell the providers apart."
    if found.behind and found.contenders:
        undecided = (
            f"Not decided between {' and '.join(found.contenders)}: neither identity nor price and time tell "
            f"them apart. Decidedly behind in identity: {', '.join(found.behind)}."
        )
    return [
        undecided,
        *_seen(run),
        *_otherwise(found),
        *_resolution(found.identity),
        *_settling(found, run),
    ]


def _nearer(run: EvaluationRun) -> str:
    if faces_count(run.compared):
        return "The faces that it draws are decidedly nearer to those of the references"
    return "What it draws is decidedly nearer to the references"


def _seen(run: EvaluationRun) -> list[str]:
    """Say where faces decide, which tables of scores are not of, and how many pictures show one."""
    if not faces_count(run.compared):
        return []
    pictures = Counter(row.provider for row in run.compared if row.outcome == "succeeded")
    faces = {provider: sum(map(len, each.values())) for provider, each in faces_of(run.compared).items()}
    told = ", ".join(f"{provider} {faces[provider]} of {number}" for provider, number in pictures.items())
    return [f"Identity is by faces here; pictures with one that was compared: {told}."]


def _otherwise(found: Recommendation) -> list[str]:
    """Say who else would be recommended, if price and time were weighed otherwise."""
    others = dict.fromkeys(name for name in found.by_weight.values() if name not in (None, found.provider))
    return [
        f"With a weight of price against time {_weights(found, name)} it would be {name}."
        for name in others
        if name
    ]


def _weights(found: Recommendation, provider: str) -> str:
    """Return the weights that recommend a provider, from one to another where all between do."""
    agreeing = [weight for weight, name in found.by_weight.items() if name == provider]
    between = [weight for weight in found.by_weight if min(agreeing) <= weight <= max(agreeing)]
    if len(agreeing) == 1 or between != agreeing:
        return f"of {', '.join(f'{weight:g}' for weight in agreeing)}"
    return f"from {min(agreeing):g} to {max(agreeing):g}"


def _settling(found: Recommendation, run: EvaluationRun) -> list[str]:
    settling = found.settling
    if settling is None:
        between = [
            pair for pair in found.identity if pair.one in found.contenders and pair.other in found.contenders
        ]
        if between and all(pair.clusters >= FEWEST_CLUSTERS for pair in between):
            return [
                "In identity they are exactly alike, in each scenario: more of them would tell as little."
            ]
        return [f"At least {FEWEST_CLUSTERS} scenarios are needed in which both have {_compared(run)}."]
    one, other, gap = settling.one, settling.other, settling.gap
    if settling.missed:
        these = counted(settling.missed, "scenario")
        return [
            f"{one} leads over {other}, but in {these} only {other} has {_compared(run)}: "
            "they would settle it."
        ]
    if settling.scenarios is None:
        return [f"Between {one} and {other} the gap of {gap:.3f} is too small to be told by any test."]
    more = counted(settling.scenarios, "more scenario")
    return [
        f"About {more} would settle it between {one} and {other}, "
        f"{_price_of(settling.scenarios, run, (one, other))}."
    ]


def _left_out(run: EvaluationRun) -> list[str]:
    """Say how many near copies there are, which have high scores and no say."""
    copies = Counter(row.provider for row in run.compared if row.near_copy)
    told = ", ".join(f"{provider} has {number}" for provider, number in copies.items())
    return [f"Near copies of a reference are left out of this comparison: {told}."] if copies else []


def _compared(run: EvaluationRun) -> str:
    """Return what a provider lacks where it is not compared: it may well have drawn something there."""
    return "a face that was compared" if faces_count(run.compared) else "a picture that was scored"


def _price_of(scenarios: int, run: EvaluationRun, providers: Sequence[str]) -> str:
    """Say what further scenarios would cost of some providers, by what theirs cost in this run."""
    total = 0.0
    for provider in providers:
        rows = [row for row in run.rows if row.provider == provider and row.was_asked_for]
        if any(row.cost_usd is None for row in rows if row.is_in_price):
            return "at a price that is not known"
        drawn = {row.scenario for row in rows}
        total += scenarios * sum(row.cost_usd or 0.0 for row in rows) / len(drawn)
    return f"for about {dollars(total)}"


def _resolution(pairs: Sequence[Difference]) -> list[str]:
    """Say how large a gap has to be, for those pairs of which any is found."""
    tested = sum(pair.p is not None for pair in pairs)
    gaps = [
        smallest_gap(pair.deviation, pair.clusters, RISK_IDENTITY / tested)
        for pair in pairs
        if pair.deviation is not None and pair.clusters >= FEWEST_CLUSTERS
    ]
    known = [gap for gap in gaps if gap is not None]
    return [f"Four in five gaps of {max(known):.3f} would be found by this run."] if known else []
