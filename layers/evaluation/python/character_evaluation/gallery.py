"""The comparison gallery: one HTML page that works from disk, with its pictures beside it."""

from collections import defaultdict
from dataclasses import dataclass
from importlib.resources import files

from markupsafe import Markup

from character_evaluation.pages import cost, moment, template
from character_evaluation.recommendation import RISK_IDENTITY
from character_evaluation.run import EvaluationRow, EvaluationRun
from character_evaluation.statistics import ProviderSummary, summarise
from character_evaluation.verdict import shortfall, verdict
from character_identity.domain.page_policy import source_of


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
    summaries = summarise(run)
    script = (files("character_evaluation") / "templates" / "gallery.js").read_text(encoding="utf-8")
    return template("gallery.html").render(
        run=run,
        started=moment(run.started_at),
        summaries=summaries,
        verdict=verdict(run),
        shortfall=shortfall(run),
        compared=run.compared,
        risk=RISK_IDENTITY,
        totals=_totals(summaries),
        cells=_cells(run),
        csv_link=csv_link,
        script=Markup(script),
        script_source=Markup(source_of(script)),
    )


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
