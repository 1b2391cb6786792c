"""``python -m local demo``: the main job on this machine, with progress, a table and a gallery."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from character_evaluation.csv_file import write_csv
from character_evaluation.gallery import cost, render_gallery, score
from character_evaluation.scenarios import EvaluationRun
from character_evaluation.statistics import summarise
from character_identity_client import ApiClient
from local.comparison import Cell, Plan, ProviderResult, Sleep, compare
from local.demo_options import BadOption, Options, list_images, parse_options
from local.errors import CannotRun
from local.photographs import EILEEN, make_references
from local.progress import showing
from local.settings import ProviderSettings

KEY_OF_PROVIDER = {"fal-instant": "FAL_KEY", "fal-lora": "FAL_KEY", "astria": "ASTRIA_API_KEY"}

OUTPUT = Path(__file__).parent.parent / ".local" / "demo"


def main(arguments: Sequence[str]) -> int:
    """Run the demo; 0 if there is something to look at, 1 if not or if something broke, 2 for bad options."""
    try:
        options = parse_options(arguments)
        references = gather_references(options.references, OUTPUT)
    except BadOption as exc:
        print(exc, file=sys.stderr)
        return 2
    from local import runtime  # slow to load; a bad option is answered at once

    console = Console()
    pause = Sleep()
    try:
        with (
            runtime.running(runtime.Options(report=lambda phase: console.print(f"{phase} ..."))) as system,
            ApiClient(system.api_url, system.token, sleep=pause) as api,
        ):
            return run(options, references, api, pause, console, OUTPUT, simulated_providers(os.environ))
    except CannotRun as exc:
        print(exc, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130


def simulated_providers(environment: Mapping[str, str]) -> frozenset[str]:
    """The providers whose part is played on this machine."""
    simulated = ProviderSettings(environment).simulated
    return frozenset(provider for provider, key in KEY_OF_PROVIDER.items() if key in simulated)


def gather_references(source: Path | None, output: Path) -> list[Path]:
    """The reference images in a fresh output folder: copies of those in ``source``, or the views of Eileen.

    Raises:
        BadOption: ``source`` has no pictures, or is about to be replaced.
    """
    images = list_images(source) if source else []
    if source and source.resolve().is_relative_to(output.resolve()):
        raise BadOption(f"The demo replaces {output}; move {source} elsewhere first.")
    shutil.rmtree(output, ignore_errors=True)
    folder = output / "references"
    if not source:
        return make_references(EILEEN, folder)
    folder.mkdir(parents=True)
    return [Path(shutil.copyfile(image, folder / image.name)) for image in images]


def run(
    options: Options,
    references: Sequence[Path],
    api: ApiClient,
    pause: Sleep,
    console: Console,
    output: Path,
    simulated: frozenset[str],
) -> int:
    """Make, score and show the pictures; returns the exit code. ``simulated`` names simulators."""
    cells = [
        Cell(scenario, variation)
        for scenario in options.scenarios
        for variation in range(1, options.variations + 1)
    ]
    plan = Plan(options.character, options.class_name, references, cells, output)
    started_at = datetime.now(UTC)
    with showing(console, options.providers) as progress:
        results = compare(api, plan, options.providers, progress, pause)
    evaluation = EvaluationRun(
        character=options.character,
        started_at=started_at,
        references=[quote(path.relative_to(output).as_posix()) for path in references],
        scenarios=options.scenarios,
        identities=[result.identity for result in results],
        rows=[row for result in results for row in result.rows],
        simulated=simulated & frozenset(options.providers),
    )
    (output / "results.csv").write_text(write_csv(evaluation.rows), encoding="utf-8", newline="")
    (output / "gallery.html").write_text(render_gallery(evaluation, "results.csv"), encoding="utf-8")
    _print_results(console, evaluation, results, output)
    return _exit_code(results)


def _print_results(
    console: Console, evaluation: EvaluationRun, results: Sequence[ProviderResult], output: Path
) -> None:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("provider")
    for heading in ("images", "mean score", "seconds", "dollars"):
        table.add_column(heading, justify="right")
    for summary, result in zip(summarise(evaluation), results, strict=True):
        table.add_row(
            summary.provider,
            f"{summary.succeeded} of {summary.asked}",
            score(summary.similarity_mean),
            f"{result.seconds:.0f}",
            cost([summary]),
        )
    console.print(table)
    warnings = dict.fromkeys(warning for result in results for warning in result.warnings)
    for line in [*_failures(evaluation), *warnings, *_provenance(evaluation)]:
        console.print(Text(line))
    for name in ("gallery.html", "results.csv"):
        console.print(str(output / name), markup=False, highlight=False, soft_wrap=True)


def _failures(evaluation: EvaluationRun) -> Iterator[str]:
    """A sentence on everything that is not there."""
    failed = {identity.provider for identity in evaluation.identities if identity.error}
    for identity in evaluation.identities:
        if identity.error:
            yield f"{identity.provider} failed: {identity.error}"
    for row in evaluation.rows:
        what = f"{row.provider}, {row.scenario} {row.variation}"
        because = f" ({row.error})" if row.error else ""
        if row.outcome == "succeeded":
            if row.similarity_mean is None:
                yield f"{what}: not scored{because}"
            elif row.image is None:
                yield f"{what}: no picture here{because}"
        elif row.provider not in failed:
            yield f"{what}: {row.outcome}{because}"


def _provenance(evaluation: EvaluationRun) -> Iterator[str]:
    """Return the lines that say what of this was real, and what was simulated."""
    real = "Real: the API, its Lambda functions, the state machines and the scoring, run on this machine"
    genuine = [one.provider for one in evaluation.identities if one.provider not in evaluation.simulated]
    yield f"{real}; pictures from the servers configured for {', '.join(genuine)}." if genuine else f"{real}."
    if evaluation.simulated:
        yield (
            f"Simulated: trainings and pictures of {', '.join(sorted(evaluation.simulated))}, by simulators; "
            "nothing was charged. FAL_KEY and ASTRIA_API_KEY bring in the real ones."
        )
    if evaluation.encoders and not evaluation.scored_with_clip:
        yield (
            f"Simulated: CLIP scores, by the fallback encoder {', '.join(evaluation.encoders)}; "
            "`make weights` fetches CLIP ViT-B/32."
        )


def _exit_code(results: Sequence[ProviderResult]) -> int:
    for result in results:
        for bug in result.bugs:
            print(f"Something unexpected failed with {result.identity.provider}:\n{bug}", file=sys.stderr)
    produced = any(row.outcome == "succeeded" for result in results for row in result.rows)
    if not produced:
        print("No picture was made.", file=sys.stderr)
    return 0 if produced and not any(result.bugs for result in results) else 1
