"""The comparison gallery: one HTML page that works from disk, with its pictures beside it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from jinja2 import Environment, PackageLoader, StrictUndefined

from character_evaluation.recommendation import RISK_IDENTITY
from character_evaluation.run import EvaluationRow, EvaluationRun
from character_evaluation.statistics import ProviderSummary, summarise
from character_evaluation.verdict import verdict


@dataclass(frozen=True)
class Totals:
    """The counts in the head of the page."""

    asked: int
    succeeded: int
    scored: int
    cost: str


def render_gallery(run: EvaluationRun, csv_link: str | None = None) -> str:
    """The page, with every picture that was asked for on it: shown, filtered or failed.

    ``csv_link`` leads to the same rows as a file, where there is one.
    """
    environment = Environment(
        loader=PackageLoader("character_evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"seconds": seconds, "dollars": dollars, "cost": cost, "score": score}
    summaries = summarise(run)
    return environment.get_template("gallery.html").render(
        run=run,
        started=run.started_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        summaries=summaries,
        verdict=verdict(run),
        risk=RISK_IDENTITY,
        totals=_totals(summaries),
        cells=_cells(run),
        csv_link=csv_link,
    )


def seconds(milliseconds: float | None) -> str:
    """A duration as people read it."""
    if milliseconds is None:
        return "unknown"
    if milliseconds < 90_000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds / 60_000:.1f} min"


def dollars(amount: float | None) -> str:
    """An amount in dollars and cents, with as many more digits as a small one needs: up to two."""
    if amount is None:
        return "unknown"
    if amount >= 1:
        return f"${amount:.2f}"
    whole, cents = f"{amount:.4f}".split(".")
    return f"${whole}.{cents[:2]}{cents[2:].rstrip('0')}"


def cost(summaries: Sequence[ProviderSummary]) -> str:
    """The bill of some providers, or as much of it as is known."""
    known = dollars(sum(summary.known_cost_usd for summary in summaries))
    if all(summary.cost_usd is not None for summary in summaries):
        return known
    return "unknown" if known == dollars(0) else f"at least {known}"


def score(similarity: float | None) -> str:
    """A similarity with three digits; the fourth is noise."""
    return "not scored" if similarity is None else f"{similarity:.3f}"


def _cells(run: EvaluationRun) -> dict[tuple[str, str], list[EvaluationRow]]:
    """The rows of each place in the grid, by scenario and provider."""
    cells: defaultdict[tuple[str, str], list[EvaluationRow]] = defaultdict(list)
    for row in run.rows:
        cells[row.scenario, row.provider].append(row)
    return cells


def _totals(summaries: list[ProviderSummary]) -> Totals:
    return Totals(
        asked=sum(summary.asked for summary in summaries),
        succeeded=sum(summary.succeeded for summary in summaries),
        scored=sum(summary.scored for summary in summaries),
        cost=cost(summaries),
    )
