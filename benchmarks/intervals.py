"""How often the interval of a comparison holds the truth, and how often a wrong winner is named.

Runs of known truth are drawn, and judged by the code that judges real ones. A score is its provider's mean,
plus what the scenario does to everybody, plus what it does to this provider, plus the picture's own; the last
two come from a normal, a heavy-tailed (Student's t, 3 degrees of freedom) or a skewed (log-normal)
distribution. Beside our interval stand two that people take instead.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from character_evaluation.differences import SIMILARITIES, Measure, differences, mean_interval
from character_evaluation.power import smallest_gap
from character_evaluation.recommendation import RISK_IDENTITY, Measures, recommend

Draw = Callable[[np.random.Generator, tuple[int, ...]], Any]

SCENARIO, PROVIDER_IN_SCENARIO, PICTURE = 0.06, 0.025, 0.03
"""Standard deviations of a similarity's parts."""
VARIATIONS = 3
PROVIDERS = ("a", "b", "c")
GAP = 0.03
PAIRS = 3
DEVIATION = float(np.sqrt(2 * (PROVIDER_IN_SCENARIO**2 + PICTURE**2 / VARIATIONS)))
"""Standard deviation of the difference of two providers within a scenario."""
LOGNORMAL = 0.5
"""Standard deviation of the logarithm: skewness 1.75."""


def _heavy(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.standard_t(3, shape) / np.sqrt(3)


def _skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    variance = np.exp(LOGNORMAL**2)
    drawn = rng.lognormal(0.0, LOGNORMAL, shape) - np.sqrt(variance)
    return -drawn / np.sqrt(variance * (variance - 1))


DISTRIBUTIONS: Mapping[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "heavy-tailed": _heavy,
    "skewed": _skewed,
}
"""All of mean 0 and standard deviation 1."""


def drawn(rng: np.random.Generator, draw: Draw, clusters: int, gap: float = 0.0) -> Any:
    """Draw one evaluation: scores by provider, cluster and variation; the last provider leads by ``gap``."""
    scenario = SCENARIO * rng.standard_normal((1, clusters, 1))
    own = PROVIDER_IN_SCENARIO * draw(rng, (len(PROVIDERS), clusters, 1))
    picture = PICTURE * draw(rng, (len(PROVIDERS), clusters, VARIATIONS))
    means = np.array([0.0, 0.0, gap]).reshape(-1, 1, 1)
    return 0.7 + means + scenario + own + picture


def as_measure(scores: Any) -> Measure:
    """Name the providers and clusters of drawn scores."""
    return {
        provider: {str(cluster): list(values) for cluster, values in enumerate(of_provider)}
        for provider, of_provider in zip(PROVIDERS, scores.tolist(), strict=True)
    }


def by_student(scores: Any, rng: np.random.Generator) -> tuple[float, float]:
    """Our interval of the first two providers' difference."""
    pair = dict(list(as_measure(scores).items())[:2])
    [found] = differences(pair)
    assert found.interval is not None
    return found.interval


def by_bootstrap(scores: Any, rng: np.random.Generator) -> tuple[float, float]:
    """The percentile bootstrap of the scenarios: it does not know how little it knows of five."""
    apart = scores[0].mean(axis=1) - scores[1].mean(axis=1)
    means = apart[rng.integers(0, apart.size, (1000, apart.size))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def by_pictures(scores: Any, rng: np.random.Generator) -> tuple[float, float]:
    """Student's t, as if every picture were an observation of its own."""
    interval = mean_interval((scores[0] - scores[1]).ravel().tolist(), SIMILARITIES)
    assert interval is not None
    return interval


def coverage(
    interval: Callable[[Any, np.random.Generator], tuple[float, float]],
    distribution: str,
    clusters: int,
    runs: int,
    seed: int = 1,
) -> float:
    """Return how often (0 to 1) an interval holds the true difference, which is 0."""
    rng = np.random.default_rng(seed)
    draw = DISTRIBUTIONS[distribution]
    held = 0
    for _ in range(runs):
        low, high = interval(drawn(rng, draw, clusters), rng)
        held += low <= 0.0 <= high
    return held / runs


def recommended(
    distribution: str, clusters: int, runs: int, gap: float = 0.0, seed: int = 1
) -> Mapping[str | None, float]:
    """Return how often (0 to 1) each provider, or None, is recommended; all cost and take the same."""
    rng = np.random.default_rng(seed)
    named = []
    for _ in range(runs):
        identity = as_measure(drawn(rng, DISTRIBUTIONS[distribution], clusters, gap))
        latency = as_measure(np.exp(drawn(rng, DISTRIBUTIONS[distribution], clusters)))
        price = {provider: {cluster: [0.1] for cluster in identity[provider]} for provider in PROVIDERS}
        named.append(recommend(Measures(identity=identity, price_usd=price, latency_ms=latency)).provider)
    return {who: named.count(who) / runs for who in (*PROVIDERS, None)}


def resolved_by(clusters: int) -> float:
    """The gap that so many scenarios find in four cases of five, as a report says it of a run."""
    gap = smallest_gap(DEVIATION, clusters, RISK_IDENTITY / PAIRS)
    assert gap is not None
    return gap


COLUMNS = (
    "t holds",
    "bootstrap",
    "pictures",
    "wrong winner",
    f"finds {GAP}",
    "resolves",
    "finds it",
    "third",
)


def main(runs: int = 2_000) -> int:
    """Print the table; 1 if our interval or the rule is not as good as it is said to be.

    The last three columns: the gap that so many scenarios resolve, how often its leader is recommended, and
    how often nothing is decided where the gap is a third of that.
    """
    good = True
    print(f"{'scores':14} {'scenarios':>9}", *(f"{column:>12}" for column in COLUMNS))
    for distribution in DISTRIBUTIONS:
        for clusters in (5, 10, 25):
            ours, *others = (
                coverage(interval, distribution, clusters, runs)
                for interval in (by_student, by_bootstrap, by_pictures)
            )
            wrong = 1 - recommended(distribution, clusters, runs)[None]
            found = recommended(distribution, clusters, runs, GAP)["c"]
            gap = resolved_by(clusters)
            resolved = recommended(distribution, clusters, runs, gap)["c"]
            undecided = recommended(distribution, clusters, runs, gap / 3)[None]
            good &= 0.93 <= ours <= 0.97 and wrong <= 0.05 and resolved >= 0.7 and undecided >= 0.9
            shares = [f"{share:12.1%}" for share in (ours, *others, wrong, found, resolved, undecided)]
            shares.insert(-2, f"{gap:12.3f}")
            print(f"{distribution:14} {clusters:9}", *shares, flush=True)
    print(f"{runs} runs each, {len(PROVIDERS)} providers, {VARIATIONS} variations")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
