"""The files of an evaluation: the pages follow from its manifest, its CSV and its votes, if there are any."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import TypeAdapter, ValidationError

from character_evaluation.csv_file import read_csv, write_csv
from character_evaluation.errors import BadResults, first_of
from character_evaluation.gallery import render_gallery
from character_evaluation.report import render_html, render_markdown
from character_evaluation.run import EvaluatedIdentity, EvaluationRow, EvaluationRun
from character_evaluation.votes import read_votes, write_votes
from character_identity.domain import strict_json
from character_identity.domain.evaluation import GALLERY, MANIFEST, MARKDOWN, REPORT, ROWS

VOTES = "votes.csv"
RUN = TypeAdapter(EvaluationRun)
OF_IDENTITY = ("reference_count", "training_time_ms", "training_cost_usd")
"""Facts of an identity that every row of its provider has, so that all figures follow from the CSV."""


def files_of(run: EvaluationRun) -> dict[str, str]:
    """Return the content of each file by its name, the same for the same run byte for byte."""
    votes = {VOTES: write_votes(run.votes)} if run.votes else {}
    return {MANIFEST: manifest_of(run), ROWS: write_csv(_rows(run)), **votes, **pages_of(run)}


def pages_of(run: EvaluationRun) -> dict[str, str]:
    """Return what people read, by the file's name."""
    return {GALLERY: render_gallery(run, ROWS), REPORT: render_html(run), MARKDOWN: render_markdown(run)}


def manifest_of(run: EvaluationRun) -> str:
    """Return all of a run but its votes, its rows and what these say, as JSON."""
    nothing: dict[str, Any] = dict.fromkeys(OF_IDENTITY)
    identities = [replace(identity, **nothing) for identity in run.identities]
    told = replace(run, rows=(), votes=(), identities=identities)
    return RUN.dump_json(told, indent=2).decode() + "\n"


def read_run(folder: Path) -> EvaluationRun:
    """Read a run back from its folder, with the votes that somebody put there.

    Raises:
        BadResults: a file cannot be read, the rows are not of this run, or a picture is not there; file, row
            and field are named.
    """
    manifest, rows = folder / MANIFEST, folder / ROWS
    try:
        run = RUN.validate_json(_json_of(manifest))
    except ValidationError as error:
        raise BadResults(f"{manifest}, {first_of(error)}.") from error
    read = read_csv(_content(rows), str(rows))
    providers = _different([identity.provider for identity in run.identities], f"{manifest}, identities")
    scenarios = _different([scenario.name for scenario in run.scenarios], f"{manifest}, scenarios")
    for number, row in enumerate(read, 2):
        if row.provider not in providers:
            raise BadResults(f"{rows}, row {number}, provider: {MANIFEST} has none of this name.")
        if row.scenario not in scenarios:
            raise BadResults(f"{rows}, row {number}, scenario: {MANIFEST} has none of this name.")
        if row.image is not None:
            _require_picture(folder, row.image, f"{rows}, row {number}, image")
        if row.nearest_reference is not None and row.nearest_reference > len(run.references):
            raise BadResults(
                f"{rows}, row {number}, nearest_reference: {MANIFEST} has {len(run.references)} references."
            )
    _require_rows(run, read, rows)
    for number, reference in enumerate(run.references):
        _require_picture(folder, reference, f"{manifest}, references.{number}")
    ballots = folder / VOTES
    votes = read_votes(_content(ballots), str(ballots), providers, scenarios) if ballots.exists() else []
    drawn = {(row.provider, row.scenario, row.variation) for row in read if row.outcome == "succeeded"}
    for number, vote in enumerate(votes, 2):
        for side in ("left", "right"):
            if (getattr(vote, side), vote.scenario, vote.variation) not in drawn:
                raise BadResults(f"{ballots}, row {number}, {side}: the run has no such picture.")
    identities = [_identity(identity, read, rows) for identity in run.identities]
    return replace(run, rows=read, votes=votes, identities=identities)


def _different(names: Sequence[str], where: str) -> Sequence[str]:
    """Return names of which there is at least one, and none twice."""
    if not names:
        raise BadResults(f"{where}: there are none.")
    for number, name in enumerate(names):
        if (first := names.index(name)) < number:
            raise BadResults(f"{where}.{number}: {where.rpartition(' ')[2]}.{first} has the same name.")
    return names


def _rows(run: EvaluationRun) -> list[EvaluationRow]:
    facts = {
        identity.provider: {fact: getattr(identity, fact) for fact in OF_IDENTITY}
        for identity in run.identities
    }
    return [replace(row, **facts[row.provider]) for row in run.rows]


def _identity(identity: EvaluatedIdentity, read: Sequence[EvaluationRow], file: Path) -> EvaluatedIdentity:
    """An identity with what its provider's rows say of it, which has to be one thing; without any, none."""
    facts: dict[str, Any] = {}
    for number, row in enumerate(read, 2):
        for fact in OF_IDENTITY if row.provider == identity.provider else ():
            value = getattr(row, fact)
            if facts.setdefault(fact, value) != value:
                raise BadResults(
                    f"{file}, row {number}, {fact}: an earlier row of {row.provider} says another."
                )
    nothing: dict[str, Any] = dict.fromkeys(OF_IDENTITY)
    return replace(identity, **nothing | facts)


def _require_rows(run: EvaluationRun, read: Sequence[EvaluationRow], file: Path) -> None:
    """Check that no row of what was asked for is missing: what failed is one too, and in denominators."""
    there = {(row.provider, row.scenario, row.variation) for row in read}
    wanted = (
        (identity.provider, scenario.name, variation)
        for identity in run.identities
        for scenario in run.scenarios
        for variation in range(1, (run.variations or 0) + 1)
    )
    for provider, scenario, variation in wanted:
        if (provider, scenario, variation) not in there:
            raise BadResults(f"{file}: no row is of {provider}, {scenario}, variation {variation}.")


def _require_picture(folder: Path, link: str, where: str) -> None:
    """Check that what a page shows from its folder is there; what lies elsewhere is not looked for."""
    try:
        path = urlsplit(link)
        if path.scheme in ("http", "https") and path.netloc:
            return
        if path.scheme or path.netloc:  # javascript: and its like: the pages make links of them
            raise ValueError(path.scheme)
        there = (folder / unquote(path.path)).resolve()
        if not there.is_relative_to(folder.resolve()):
            raise BadResults(f"{where}: this is not in the folder of the run.")
        if not there.is_file():
            raise BadResults(f"{where}: there is no such file.")
    except (ValueError, OSError) as error:
        if isinstance(error, BadResults):
            raise
        raise BadResults(f"{where}: this is no path and no link.") from error


def _json_of(file: Path) -> str:
    """Return a file of JSON, in which no name is there twice: of two the last would be taken."""
    content = _content(file)
    try:
        strict_json.read(content)
    except ValueError as error:
        raise BadResults(f"{file}, as a whole: this is no JSON ({str(error)[:200]}).") from error
    return content


def _content(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise BadResults(f"{file}: this is no UTF-8 text (byte {error.start}); save it as UTF-8.") from error
    except OSError as error:
        raise BadResults(f"{file} cannot be read: {error.strerror}.") from error
