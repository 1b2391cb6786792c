"""The rule by which a provider is recommended, or none.

1. Who is decidedly behind another in identity is out.
2. Is one left, it is recommended for the identity of its pictures.
3. Of several, the one is recommended whose price and latency, weighted, are decidedly less than those of each
   other. Who gave nothing in a cluster that can be compared in identity gave nothing there.
4. Else nothing is decided, and it is said what would settle it.

Of the one wrong recommendation in twenty that is accepted, where there is no difference at all, four parts in
five are spent on identity and one on price and latency, which vary little.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from character_evaluation.differences import (
    FEWEST_CLUSTERS,
    Difference,
    Measure,
    cluster_means,
    differences,
)
from character_evaluation.power import clusters_needed

RISK_IDENTITY = 0.04
RISK_BURDEN = 0.01
"""Of a wrong recommendation, by identity and by price and latency, where there is no difference."""
PRICE_WEIGHT = 0.5
"""Of price against latency, where identity does not decide."""
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""With which it is tried whether the weight decides."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What is weighed, by provider and cluster: similarity to the references, and for each accepted picture
    its price in dollars and the provider's latency in milliseconds. Who has no identity has no entry."""

    identity: Measure
    price_usd: Measure
    latency_ms: Measure


@dataclass(frozen=True, kw_only=True)
class Settling:
    """What would settle it between two: more scenarios, for all that is known now.

    ``scenarios`` is None where the gap is too small to be found by any number that somebody would draw.
    ``missed`` counts the scenarios in which ``one`` gave nothing and ``other`` did, where ``one`` leads by
    all others, so that these alone are wanting.
    """

    one: str
    other: str
    gap: float
    scenarios: int | None
    missed: int = 0


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """A provider and what decided, or neither.

    ``contenders`` are those that none is decidedly ahead of in identity, ``behind`` those that one is.
    ``by_weight`` is what would be recommended if price had that weight. ``identity`` and ``burden`` are the
    comparisons behind it.
    """

    provider: str | None
    decided_by: Literal["identity", "price_and_latency"] | None
    contenders: tuple[str, ...]
    behind: tuple[str, ...]
    by_weight: Mapping[float, str | None]
    identity: Sequence[Difference]
    burden: Sequence[Difference]
    settling: Settling | None


def recommend(measures: Measures, price_weight: float = PRICE_WEIGHT) -> Recommendation:
    """Apply the rule; ``price_weight`` is between 0 (latency only) and 1 (price only)."""
    identity = differences(measures.identity)
    behind = {
        difference.other if ahead == difference.one else difference.one
        for difference in identity
        if (ahead := difference.ahead(RISK_IDENTITY))
    }
    contenders = tuple(
        provider
        for provider in measures.identity
        if provider not in behind and cluster_means(measures.identity, provider)
    )
    burden = _burdens(measures, contenders, price_weight)
    by_identity = contenders[0] if len(contenders) == 1 and behind else None
    by_weight = {
        weight: by_identity or _lightest(contenders, _burdens(measures, contenders, weight))
        for weight in WEIGHTS
    }
    provider = by_identity or _lightest(contenders, burden)
    return Recommendation(
        provider=provider,
        decided_by=None if provider is None else "identity" if by_identity else "price_and_latency",
        contenders=contenders,
        behind=tuple(provider for provider in measures.identity if provider in behind),
        by_weight=by_weight,
        identity=identity,
        burden=burden,
        settling=None if provider else _settling(identity, contenders),
    )


def _burdens(measures: Measures, contenders: Sequence[str], price_weight: float) -> list[Difference]:
    """Compare log(price) and log(latency), weighted: a difference is a ratio, whatever the units."""
    return differences(
        {provider: _burden(measures, provider, price_weight) for provider in contenders},
    )


def _burden(measures: Measures, provider: str, price_weight: float) -> dict[str, list[float]]:
    """Weigh the clusters in which there is something to compare: what shows nobody may well be cheap.

    Who has none in a cluster where another has some is not the lighter one.
    """
    compared = cluster_means(measures.identity, provider)
    parts = [(price_weight, measures.price_usd), (1 - price_weight, measures.latency_ms)]
    weighed = [
        (weight, cluster_means(measure, provider) if provider in measure else {})
        for weight, measure in parts
        if weight
    ]
    clusters = [
        cluster
        for cluster in weighed[0][1]
        if cluster in compared and all(cluster in means and means[cluster] > 0 for _, means in weighed)
    ]
    return {
        cluster: [math.fsum(weight * math.log(means[cluster]) for weight, means in weighed)]
        for cluster in clusters
    }


def _lightest(contenders: Sequence[str], burden: Sequence[Difference]) -> str | None:
    """Return the one that is decidedly lighter than each other."""
    for provider in contenders:
        pairs = [each for each in burden if provider in (each.one, each.other)]
        if pairs and all(each.below(RISK_BURDEN) == provider for each in pairs):
            return provider
    return None


def _settling(identity: Sequence[Difference], contenders: Sequence[str]) -> Settling | None:
    """Of the contenders' pairs, the one that takes the fewest scenarios."""
    tested = sum(pair.p is not None for pair in identity)
    pairs = [
        _settled(pair, tested)
        for pair in identity
        if pair.one in contenders and pair.other in contenders and (pair.mean or pair.deviation)
    ]
    return min(pairs, key=lambda pair: math.inf if pair.scenarios is None else pair.scenarios, default=None)


def _settled(pair: Difference, pairs: int) -> Settling:
    assert pair.mean is not None and pair.deviation is not None
    if pair.is_told(RISK_IDENTITY):
        by_one = (pair.one, pair.other, pair.missed_by_one)
        one, other, missed = by_one if pair.mean > 0 else (pair.other, pair.one, pair.missed_by_other)
        return Settling(one=one, other=other, gap=abs(pair.mean), scenarios=0, missed=missed)
    # At the first step of Holm's method, which is the hardest.
    needed = clusters_needed(pair.mean, pair.deviation, RISK_IDENTITY / pairs, FEWEST_CLUSTERS)
    more = None if needed is None else max(1, needed - pair.clusters)
    return Settling(one=pair.one, other=pair.other, gap=abs(pair.mean), scenarios=more)
