"""``character-identity evaluate``: have a deployed API compare providers, with the results on this disk."""

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from character_identity_client.api import ApiClient, ApiError
from character_identity_client.asking import Ask
from character_identity_client.evaluations import (
    GALLERY,
    LONGEST_RUN_S,
    PAGES,
    ROWS,
    TimeLeft,
    cancelled_if_asked,
    counted,
    described,
    holds_results,
    save_results,
    why_not_completed,
)
from character_identity_client.journal import Journal, Refused, add_key, digests, hint
from character_identity_client.models import Evaluation, EvaluationEstimate, EvaluationOrder
from character_identity_client.pictures import listed

STOPPED = 130
"""The exit code of who was stopped by Ctrl-C, as shells have it."""


def evaluate(
    api: ApiClient,
    given: argparse.Namespace,
    ask: Ask | None,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Order an evaluation unless one is resumed, follow it, and put its results into a folder.

    Raises:
        Refused: nobody agreed to what it costs, or an option cannot be used, such as an ``output`` that
            holds other results.
        ApiError, httpx.TransportError: the API refused, or was not reached.
    """
    if given.output:
        given.output.mkdir(parents=True, exist_ok=True)  # before anything is paid
        if holds_results(given.output) and not (given.resume or given.key):
            raise Refused(
                f"{given.output} holds results already: give another --output. Nothing was ordered."
            )
    evaluation_id = given.resume or _ordered(api, given, ask, say)
    again = f"character-identity evaluate --resume {evaluation_id} goes on from here."
    left, said = TimeLeft(), ""

    def show(evaluation: Evaluation) -> None:
        nonlocal said
        words = described(evaluation)
        if words != said:
            said = words
            say(described(evaluation, left.seconds(clock(), evaluation.progress)))

    try:
        ended = api.wait_until_evaluated(evaluation_id, timeout_s=LONGEST_RUN_S, on_progress=show)
    except KeyboardInterrupt:
        cancelled = cancelled_if_asked(api, evaluation_id, ask)
        if cancelled is None:
            say(f"\nIt goes on. {again}")
            return STOPPED
        ended = cancelled
    except (ApiError, httpx.TransportError):  # as when the token has come to its end, which is sooner
        say(again)
        raise
    code = {"completed": 0, "cancelled": STOPPED}.get(ended.status, 1)
    if ended.status != "completed":
        say(why_not_completed(ended))
    if ended.links is None:
        return code
    folder = given.output or Path(evaluation_id)
    problems = save_results(api, evaluation_id, folder)
    for line in [*problems, *([again] if problems else [])]:
        say(line)
    if ended.recommendation:
        say(ended.recommendation.sentence)
    for name in (GALLERY, PAGES[0], ROWS):
        say(str(folder / name))
    return code or int(bool(problems))


def add_options(one: argparse.ArgumentParser) -> None:
    """What the command takes."""
    one.add_argument("--references", type=Path, metavar="DIR", help="pictures of one character")
    one.add_argument(
        "--identity", action="append", default=[], metavar="PROVIDER=ID", help="one that is there; repeatable"
    )
    one.add_argument("--name", help="what the character is called")
    one.add_argument("--class", dest="class_name", metavar="WORD", help="what it is: woman, man, cat, ...")
    one.add_argument("--providers", help="those to compare, such as fal-lora,astria; default: all available")
    one.add_argument("--scenario-set", choices=("specification", "extended"))
    one.add_argument("--scenarios", type=Path, metavar="FILE", help="of one's own, as JSON")
    one.add_argument("--variations", type=int, help="pictures a scenario")
    one.add_argument("--max-cost", type=float, metavar="DOLLARS", help="refuse what may cost more")
    one.add_argument("--yes", action="store_true", help="pay without being asked")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--resume", metavar="ID", help="follow an evaluation that was ordered before")
    add_key(one, which)
    one.add_argument("--output", type=Path, metavar="DIR", help="for the results; default: the id's")


def _ordered(api: ApiClient, given: argparse.Namespace, ask: Ask | None, say: Callable[[str], None]) -> str:
    if given.max_cost is not None and not 0 <= given.max_cost < math.inf:
        raise Refused("--max-cost has to be an amount of dollars.")
    scenarios = _scenarios(given.scenarios) if given.scenarios else None
    pictures = listed(given.references) if given.references else []
    order = EvaluationOrder(
        name=given.name,
        class_name=given.class_name,
        identities=_identities(given.identity) or None,
        providers=given.providers.split(",") if given.providers else None,
        scenario_set=given.scenario_set,
        scenarios=scenarios,
        variations=given.variations,
        max_cost_usd=given.max_cost,
    )

    def prepare() -> list[str]:
        references = api.upload_references(pictures)
        _agree(api.estimate_evaluation(_drawing_on(references, order)), ask, say, yes=given.yes)
        return references

    asked = {"evaluation": order.model_dump(mode="json"), "pictures": digests(pictures)}
    key, references = Journal(given.journal).once(given.key, asked, prepare)
    say(hint(key))
    made = api.create_evaluation(_drawing_on(references, order), idempotency_key=key)
    say(f"Evaluation {made.evaluation_id}")
    return made.evaluation_id


def _drawing_on(references: list[str], order: EvaluationOrder) -> EvaluationOrder:
    return order.model_copy(update={"references": references or None})


def _agree(estimate: EvaluationEstimate, ask: Ask | None, say: Callable[[str], None], *, yes: bool) -> None:
    if estimate.would_exceed:
        raise Refused(
            f"It may cost ${estimate.ceiling_usd:.2f}, more than {estimate.would_exceed} allows. "
            "Nothing was ordered."
        )
    for part in estimate.by_provider:
        about = "at an unknown price" if part.estimate_usd is None else f"about ${part.estimate_usd:.2f}"
        say(f"{part.provider}: {counted(part.images)} {about}, ${part.ceiling_usd:.2f} at most.")
    question = f"{counted(estimate.images)}, ${estimate.ceiling_usd:.2f} at most. Order them?"
    if yes:
        return
    if ask is None:
        raise Refused(f"{question} --yes agrees to it; nothing was ordered.")
    if ask(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise Refused("Nothing was ordered.")


def _identities(words: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        provider, separator, identity_id = word.partition("=")
        if not separator:
            raise Refused(f"An identity is given as PROVIDER=ID, not as {word!r}.")
        if found.setdefault(provider, identity_id) != identity_id:
            raise Refused(f"Two identities of {provider} are given, and an evaluation compares providers.")
    return found


def _scenarios(file: Path) -> list[dict[str, Any]]:
    """Read a file of scenarios; what they may say is for the API to judge."""
    try:
        scenarios = json.loads(file.read_bytes(), parse_constant=_no_constant, object_pairs_hook=_each_once)
        json.dumps(scenarios, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Refused(f"{file} has half of a character of two halves, which no text may have.") from error
    except (ValueError, RecursionError) as error:
        raise Refused(f"{file} is no JSON: {error}.") from error
    if not isinstance(scenarios, list) or not scenarios:
        raise Refused(f"{file} has to be a list of scenarios, each with name and prompt.")
    for number, scenario in enumerate(scenarios, 1):
        if not isinstance(scenario, dict):
            raise Refused(f"{file}, scenario {number}: it has to be an object with name and prompt.")
    return scenarios


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name[:100]!r} is there twice")
        found[name] = value
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
