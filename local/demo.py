"""``python -m local demo``: the main job on this machine, as an evaluation of the API's."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from character_evaluation.errors import BadResults
from character_evaluation.pages import cost, drawn, score, seconds
from character_evaluation.results import read_run
from character_evaluation.run import EvaluationRun
from character_evaluation.statistics import summarise
from character_evaluation.verdict import shortfall, verdict
from character_identity.domain.evaluation import GALLERY, REPORT, ROWS
from character_identity_client import (
    ApiClient,
    ApiError,
    DeadlinePassed,
    Evaluation,
    EvaluationOrder,
    Finding,
)
from character_identity_client.asking import Ask, asker
from character_identity_client.evaluations import (
    LONGEST_RUN_S,
    cancelled_if_asked,
    save_results,
    why_not_completed,
)
from local.demo_options import Options, list_images, parse_options
from local.errors import STOPPED, CannotRun, answering
from local.options import BadOption
from local.photographs import EILEEN, make_references
from local.ports import free_or_any
from local.progress import showing
from local.reach import watching
from local.results import Journal, Run, find_run, new_run
from local.settings import KEY_OF, ProviderSettings
from local.spending import agree

URL_OF_PROVIDER = {
    "fal-instant": "FAL_QUEUE_URL",
    "fal-lora": "FAL_QUEUE_URL",
    "astria": "ASTRIA_API_URL",
}

REFUSED = (400, 401, 402, 403, 404, 413, 422)


def main(arguments: Sequence[str]) -> int:
    """Run the demo; 0 if there is something to look at, 1 if not or if something broke, 2 if it cannot."""
    return answering(lambda: _main(arguments, os.environ, asker()))


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
        print(f"\nStopped; {_goes_on(kept)}")
        return STOPPED
    except (CannotRun, OSError):
        if asked.resume is None and not kept.plan.get("ordered"):
            shutil.rmtree(kept.folder, ignore_errors=True)  # nothing came of it
        else:
            print(_goes_on(kept))
        raise


def _goes_on(kept: Run) -> str:
    return f"`make demo RESUME={kept.run_id}` goes on from here and orders nothing twice."


def begun(options: Options, simulated: frozenset[str], kept: Run) -> Run:
    """Put into a new run's folder all that it takes to make it: the references and the plan."""
    try:
        gather_references(options.references, kept.uploads)
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
        key = KEY_OF[URL_OF_PROVIDER[provider]]
        change = f"unset {key}" if provider in before else f"set {key}"
        kind = "a simulator" if provider in before else "the real one"
        raise BadOption(f"{provider} was {kind} in this run; {change} to resume it.")
    return options


def simulated_providers(environment: Mapping[str, str]) -> frozenset[str]:
    """The providers whose part is played on this machine."""
    simulated = ProviderSettings(environment).simulated
    return frozenset(provider for provider, url in URL_OF_PROVIDER.items() if KEY_OF[url] in simulated)


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

    console = Console()
    ports = kept.plan.get("ports", {})  # links and webhooks that providers know lead to them
    settings = runtime.Options(
        api_port=free_or_any(ports.get("api", 0)),
        aws_port=free_or_any(ports.get("aws", 0)),
        providers_port=free_or_any(ports.get("providers", 0)),
        state=kept.state,
        logs=kept.logs,
        report=lambda phase: console.print(f"{phase} ..."),
    )
    with runtime.running(settings) as system, ApiClient(system.api_url, system.token) as api:
        urls = {"api": system.api_url, "aws": system.aws.url, "providers": system.provider_url}
        kept.note({"ports": {name: urlsplit(url).port for name, url in urls.items() if url}})
        addresses = {name: system.provider_urls[URL_OF_PROVIDER[name]] for name in options.providers}
        try:
            return run(options, kept, api, console, simulated, addresses, ask, yes=yes)
        except (ApiError, DeadlinePassed, httpx.TransportError) as error:
            system.require_running()
            raise CannotRun(f"The API did not answer as it should: {error}") from error


def run(
    options: Options,
    kept: Run,
    api: ApiClient,
    console: Console,
    simulated: frozenset[str],
    addresses: Mapping[str, str],
    ask: Ask | None = None,
    *,
    yes: bool = False,
) -> int:
    """Have the evaluation made, follow it, and show its results; returns the exit code.

    ``simulated`` names simulators, ``addresses`` says where each provider should answer.
    """
    journal, references = Journal.of(kept), list_images(kept.uploads)
    keys = journal.once("references", lambda: api.upload_references(references))
    order = options.order(keys)
    evaluation_id = journal.once(
        "evaluation", lambda: _ordered(api, order, kept, references, simulated, ask, yes=yes)
    )
    try:
        with showing(console) as progress, watching(addresses, progress):
            ended = api.wait_until_evaluated(
                evaluation_id, timeout_s=LONGEST_RUN_S, on_progress=progress.show
            )
    except KeyboardInterrupt:
        cancelled = cancelled_if_asked(api, evaluation_id, ask)
        if cancelled is None:
            raise
        ended = cancelled
    if ended.status != "completed":
        print(why_not_completed(ended), file=sys.stderr)
    if ended.links is None:
        return _exit_code(ended)
    missing = save_results(api, evaluation_id, kept.folder)
    kept.publish()
    try:
        evaluation = read_run(kept.folder)
    except BadResults as error:
        raise CannotRun(f"{error} {' '.join(missing[:1])}") from error
    _print_results(console, evaluation, kept.folder, _warnings(api, ended, references))
    return _exit_code(ended, evaluation)


def _ordered(
    api: ApiClient,
    order: EvaluationOrder,
    kept: Run,
    references: Sequence[Path],
    simulated: frozenset[str],
    ask: Ask | None,
    *,
    yes: bool,
) -> str:
    """The id of the evaluation, whose costs at real providers are agreed to before.

    Raises:
        CannotRun: nobody agreed, or the API refuses the order.
    """
    try:
        estimate = api.estimate_evaluation(order)
        real = [bill for bill in estimate.by_provider if bill.provider not in simulated]
        if real and not kept.plan.get("agreed"):
            agree(real, ask, print, yes=yes)
            kept.note({"agreed": True})
        kept.note({"ordered": True})
        return api.create_evaluation(order, idempotency_key=kept.run_id).evaluation_id
    except ApiError as error:
        if error.status not in REFUSED:
            raise
        kept.note({"ordered": False})
        message = error.message
        for key, path in zip(order.references or (), references, strict=True):
            message = message.replace(key, path.name)
        raise CannotRun(f"{message} Nothing was ordered.") from error


def _warnings(api: ApiClient, ended: Evaluation, references: Sequence[Path]) -> list[str]:
    """Return what the API had to say about the references that providers took, each once."""
    findings = (
        finding
        for identity_id in ended.identities.values()
        for finding in _findings(api, identity_id)
        if finding.severity == "warning"
    )
    return list(dict.fromkeys(_warning(finding, references) for finding in findings))


def _findings(api: ApiClient, identity_id: str) -> Sequence[Finding]:
    try:
        return api.get_identity(identity_id).findings
    except ApiError:
        return ()  # no identity came of it; that is said with the results


def _warning(finding: Finding, references: Sequence[Path]) -> str:
    which = "" if finding.reference is None else f"{references[finding.reference].name}: "
    return f"{which}{finding.message} {finding.advice}"


def _print_results(
    console: Console, evaluation: EvaluationRun, output: Path, warnings: Sequence[str]
) -> None:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("provider")
    for heading in ("images", "mean score", "median latency", "dollars"):
        table.add_column(heading, justify="right")
    for summary in summarise(evaluation):
        table.add_row(
            summary.provider,
            drawn(summary),
            score(summary.similarity_mean),
            seconds(summary.latency_median_ms),
            cost([summary]),
        )
    console.print(table)
    judged = verdict(evaluation).sentences if len(evaluation.identities) > 1 else ()
    lacking = shortfall(evaluation)
    for line in [
        *([lacking] if lacking else []),
        *judged,
        *_failures(evaluation),
        *warnings,
        *_provenance(evaluation),
    ]:
        console.print(Text(line))
    for name in (GALLERY, REPORT, ROWS):
        console.print(str(output / name), markup=False, highlight=False, soft_wrap=True)


def _failures(evaluation: EvaluationRun) -> Iterator[str]:
    """A sentence on everything that is not there, unless the evaluation ended before it could be."""
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
        elif row.was_asked_for and row.provider not in failed:
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


def _exit_code(ended: Evaluation, evaluation: EvaluationRun | None = None) -> int:
    if ended.status != "completed" or evaluation is None:
        return STOPPED if ended.status == "cancelled" else 1
    if any(row.outcome == "succeeded" for row in evaluation.rows):
        return 0
    print("No picture was made.", file=sys.stderr)
    return 1
