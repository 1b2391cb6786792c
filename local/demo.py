"""``python -m local demo``: the main job on this machine, with progress, a table and a gallery."""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import uuid4

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from character_evaluation.pages import cost, score
from character_evaluation.results import GALLERY, REPORT, ROWS, files_of
from character_evaluation.run import EvaluationRow, EvaluationRun
from character_evaluation.statistics import summarise
from character_evaluation.verdict import verdict
from character_identity_client import ApiClient
from local.comparison import EXPECTED, Cell, Plan, ProviderResult, Sleep, compare
from local.demo_options import Options, list_images, parse_options
from local.errors import STOPPED, CannotRun, answering
from local.options import BadOption
from local.photographs import EILEEN, make_references
from local.ports import free_or_any
from local.progress import showing
from local.reach import watching
from local.results import Journal, Run, find_run, new_run
from local.settings import ProviderSettings
from local.shared_references import MOST_REFERENCES, scored_alike
from local.spending import Ask, agree, bills

KEY_OF_PROVIDER = {"fal-instant": "FAL_KEY", "fal-lora": "FAL_KEY", "astria": "ASTRIA_API_KEY"}
URL_OF_PROVIDER = {
    "fal-instant": "FAL_QUEUE_URL",
    "fal-lora": "FAL_QUEUE_URL",
    "astria": "ASTRIA_API_URL",
}


def main(arguments: Sequence[str]) -> int:
    """Run the demo; 0 if there is something to look at, 1 if not or if something broke, 2 if it cannot."""
    return answering(lambda: _main(arguments, os.environ, _ask if sys.stdin.isatty() else None))


def _ask(question: str) -> str:
    """The answer of whoever sits at the terminal; the end of the input is an empty one."""
    try:
        return input(question)
    except EOFError:
        return ""


def _main(arguments: Sequence[str], environment: Mapping[str, str], ask: Ask | None) -> int:
    asked = parse_options(arguments, environment, ask)
    simulated = simulated_providers(environment)
    if asked.options is None:
        kept = find_run(asked.resume or "")
        options = resumed(kept, simulated)
    else:
        options = asked.options
        kept = begun(options, simulated, new_run(datetime.now(), lambda: uuid4().hex[:6]))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leave by way of all clean-ups
    try:
        return _in_system(options, kept, simulated, ask, yes=asked.yes)
    except KeyboardInterrupt:
        print(f"\nStopped; `make demo RESUME={kept.run_id}` goes on from here and orders nothing twice.")
        return STOPPED
    except (CannotRun, OSError):
        if asked.resume is None and Journal.of(kept).is_empty:
            shutil.rmtree(kept.folder, ignore_errors=True)  # nothing came of it
        else:
            print(f"`make demo RESUME={kept.run_id}` goes on from here and orders nothing twice.")
        raise


def begun(options: Options, simulated: frozenset[str], kept: Run) -> Run:
    """Put into a new run's folder all that it takes to make it: the references and the plan."""
    try:
        gather_references(options.references, kept.references)
        kept.note({**options.document(), "simulated": sorted(simulated)})
    except BaseException:
        shutil.rmtree(kept.folder, ignore_errors=True)
        raise
    return kept


def resumed(kept: Run, simulated: frozenset[str]) -> Options:
    """The options of an earlier run.

    Raises:
        BadOption: its providers are not the ones that the environment names now, and would not know its jobs.
    """
    options = Options.of(kept.plan)
    before = frozenset(kept.plan.get("simulated", ())) & set(options.providers)
    now = simulated & set(options.providers)
    for provider in sorted(before ^ now):
        key = KEY_OF_PROVIDER[provider]
        change = f"unset {key}" if provider in before else f"set {key}"
        kind = "a simulator" if provider in before else "the real one"
        raise BadOption(f"{provider} was {kind} in this run; {change} to resume it.")
    return options


def simulated_providers(environment: Mapping[str, str]) -> frozenset[str]:
    """The providers whose part is played on this machine."""
    simulated = ProviderSettings(environment).simulated
    return frozenset(provider for provider, key in KEY_OF_PROVIDER.items() if key in simulated)


def gather_references(source: Path | None, folder: Path) -> list[Path]:
    """The reference images in a new folder: copies of those in ``source``, or the views of Eileen.

    Raises:
        BadOption: ``source`` has no pictures.
    """
    if not source:
        return make_references(EILEEN, folder)
    images = list_images(source)
    folder.mkdir(parents=True)
    return [Path(shutil.copyfile(image, folder / image.name)) for image in images]


def _in_system(options: Options, kept: Run, simulated: frozenset[str], ask: Ask | None, *, yes: bool) -> int:
    """Run the demo on a system of its own, which keeps its state in the run's folder."""
    from local import runtime  # slow to load; a bad option is answered at once

    console, pause = Console(), Sleep()
    ports = kept.plan.get("ports", {})  # links and webhooks that providers know lead to them
    settings = runtime.Options(
        api_port=free_or_any(ports.get("api", 0)),
        aws_port=free_or_any(ports.get("aws", 0)),
        providers_port=free_or_any(ports.get("providers", 0)),
        state=kept.state,
        logs=kept.logs,
        report=lambda phase: console.print(f"{phase} ..."),
    )
    with runtime.running(settings) as system, ApiClient(system.api_url, system.token, sleep=pause) as api:
        urls = {"api": system.api_url, "aws": system.aws.url, "providers": system.provider_url}
        kept.note({"ports": {name: urlsplit(url).port for name, url in urls.items() if url}})
        _agree(options, kept, api, simulated, ask, yes=yes)
        addresses = {name: system.provider_urls[URL_OF_PROVIDER[name]] for name in options.providers}
        return run(options, kept, api, pause, console, simulated, addresses, system.require_running)


def _agree(
    options: Options, kept: Run, api: ApiClient, simulated: frozenset[str], ask: Ask | None, *, yes: bool
) -> None:
    """Have the costs at real providers agreed to, once for each run, before anything is ordered."""
    real = [provider for provider in options.providers if provider not in simulated]
    if not real or kept.plan.get("agreed"):
        return
    found = bills(api, real, len(options.scenarios) * options.variations)
    agree(found, ask, print, yes=yes)
    kept.note({"agreed": True})


def run(
    options: Options,
    kept: Run,
    api: ApiClient,
    pause: Sleep,
    console: Console,
    simulated: frozenset[str],
    addresses: Mapping[str, str],
    require_running: Callable[[], None] = lambda: None,
) -> int:
    """Make, score and show the pictures; returns the exit code.

    ``simulated`` names simulators, ``addresses`` says where each provider should answer. ``require_running``
    raises what ended the system, if something did.
    """
    references = list_images(kept.references)
    cells = [
        Cell(scenario, variation)
        for scenario in options.scenarios
        for variation in range(1, options.variations + 1)
    ]
    journal = Journal.of(kept)
    plan = Plan(options.character, options.class_name, references, cells, kept, journal)
    started_at = datetime.now(UTC)
    with showing(console, options.providers) as progress, watching(addresses, progress):
        results = compare(api, plan, options.providers, progress, pause)
    require_running()
    rows, shared, unfair = _scored_alike(
        api, [row for result in results for row in result.rows], plan, console
    )
    evaluation = EvaluationRun(
        character=options.character,
        started_at=started_at,
        references=[quote(path.relative_to(kept.folder).as_posix()) for path in references],
        scenarios=options.scenarios,
        identities=[result.identity for result in results],
        rows=rows,
        shared_references=shared,
        simulated=simulated & frozenset(options.providers),
    )
    for name, content in files_of(evaluation).items():
        (kept.folder / name).write_text(content, encoding="utf-8", newline="")
    kept.publish()
    _print_results(console, evaluation, results, kept.folder, unfair)
    return _exit_code(results)


def _scored_alike(
    api: ApiClient, rows: Sequence[EvaluationRow], plan: Plan, console: Console
) -> tuple[Sequence[EvaluationRow], int | None, tuple[str, ...]]:
    """Return the rows scored against all references, their number, and what kept them from being so."""
    if not any(row.outcome == "succeeded" for row in rows):
        return rows, None, ()
    console.print("Scoring all pictures against the same references ...")
    try:
        alike = scored_alike(api, rows, plan.references, plan.class_name)
    except EXPECTED as exc:
        return rows, None, (f"Pictures could not be scored against the same references: {exc}",)
    return alike, min(len(plan.references), MOST_REFERENCES), ()


def _print_results(
    console: Console,
    evaluation: EvaluationRun,
    results: Sequence[ProviderResult],
    output: Path,
    unfair: Sequence[str],
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
    judged = verdict(evaluation).sentences if len(evaluation.identities) > 1 else ()
    for line in [*judged, *unfair, *_failures(evaluation), *warnings, *_provenance(evaluation)]:
        console.print(Text(line))
    for name in (GALLERY, REPORT, ROWS):
        console.print(str(output / name), markup=False, highlight=False, soft_wrap=True)


def _failures(evaluation: EvaluationRun) -> Iterator[str]:
    """A sentence on everything that is not there."""
    failed = {identity.provider for identity in evaluation.identities if identity.error}
    for identity in evaluation.identities:
        if identity.error:
            nothing = " Nothing was ordered." if identity.training_cost_usd == 0 else ""
            yield f"{identity.provider} failed: {identity.error}{nothing}"
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
