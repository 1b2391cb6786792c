"""The files of an evaluation: the pages follow from its manifest, its CSV and its votes, if there are any."""

from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from character_evaluation.csv_file import read_csv, write_csv
from character_evaluation.errors import BadResults, first_of
from character_evaluation.gallery import render_gallery
from character_evaluation.report import render_html, render_markdown
from character_evaluation.run import EvaluationRun
from character_evaluation.votes import read_votes, write_votes

MANIFEST, ROWS, VOTES = "evaluation.json", "results.csv", "votes.csv"
GALLERY, REPORT, MARKDOWN = "gallery.html", "report.html", "report.md"
RUN = TypeAdapter(EvaluationRun)


def files_of(run: EvaluationRun) -> dict[str, str]:
    """Return the content of each file by its name, the same for the same run byte for byte."""
    votes = {VOTES: write_votes(run.votes)} if run.votes else {}
    return {MANIFEST: manifest_of(run), ROWS: write_csv(run.rows), **votes, **pages_of(run)}


def pages_of(run: EvaluationRun) -> dict[str, str]:
    """Return what people read, by the file's name."""
    return {GALLERY: render_gallery(run, ROWS), REPORT: render_html(run), MARKDOWN: render_markdown(run)}


def manifest_of(run: EvaluationRun) -> str:
    """Return all of a run but its rows and votes, as JSON."""
    return RUN.dump_json(replace(run, rows=(), votes=()), indent=2).decode() + "\n"


def read_run(folder: Path) -> EvaluationRun:
    """Read a run back from its folder, with the votes that somebody put there.

    Raises:
        BadResults: a file cannot be read, or the rows are not of this run; file, row and field are named.
    """
    manifest, rows = folder / MANIFEST, folder / ROWS
    try:
        run = RUN.validate_json(_content(manifest))
    except ValidationError as error:
        raise BadResults(f"{manifest}, {first_of(error)}.") from error
    read = read_csv(_content(rows), str(rows))
    providers = [identity.provider for identity in run.identities]
    scenarios = [scenario.name for scenario in run.scenarios]
    for number, row in enumerate(read, 2):
        if row.provider not in providers:
            raise BadResults(f"{rows}, row {number}, provider: {MANIFEST} has none of this name.")
        if row.scenario not in scenarios:
            raise BadResults(f"{rows}, row {number}, scenario: {MANIFEST} has none of this name.")
    ballots = folder / VOTES
    votes = read_votes(_content(ballots), str(ballots), providers, scenarios) if ballots.exists() else []
    return replace(run, rows=read, votes=votes)


def _content(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise BadResults(f"{file}: this is no UTF-8 text (byte {error.start}).") from error
    except OSError as error:
        raise BadResults(f"{file} cannot be read: {error.strerror}.") from error
