"""``character-identity``: the API from a command line. Answers are on standard output, progress is not."""

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel

from character_identity_client.api import ApiClient
from character_identity_client.asking import asker
from character_identity_client.errors import ApiError, DeadlinePassed, JobFailed
from character_identity_client.evaluate_command import STOPPED, add_options, evaluate
from character_identity_client.journal import Journal, add_key, digests, hint
from character_identity_client.models import Finding, Generation, Price, Score
from character_identity_client.pictures import listed

ENDINGS = """exit codes: 0 all went well; 1 a job failed, was not waited for, or pictures are not usable;
2 wrong arguments, or the API refused; 3 no answer; 130 left by Ctrl-C"""
MOST_AT_ONCE = 10
"""Pictures that the API scores in one call."""
BAR = 24
"""Letters of a progress bar."""


@dataclass(frozen=True)
class Terminal:
    """Where a command writes: ``say`` to standard output, ``show`` to standard error."""

    as_json: bool
    say: Callable[[str], None] = print
    show: Callable[[str], None] = lambda text: print(text, end="", file=sys.stderr, flush=True)
    redraws: bool = False  # whether a line may be drawn over

    def answer(self, answer: BaseModel | Sequence[BaseModel], lines: Iterable[str]) -> None:
        """Write what the API answered: as JSON, or in lines for people."""
        if self.as_json:
            self.say(json.dumps(_plain(answer), indent=2))
        else:
            for line in lines:
                self.say(line)

    def progress(self, what: str, done: int, total: int) -> None:
        """Draw a bar; where nothing can be drawn over, only its end."""
        if self.redraws:
            filled = BAR * done // max(total, 1)
            ends = "\n" if done >= total else ""
            self.show(f"\r{what:10} [{'#' * filled}{'.' * (BAR - filled)}] {done}/{total}{ends}")
        elif done >= total:
            self.show(f"{what}: {done}/{total}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code is one of those in ``ENDINGS``."""
    given = parser().parse_args(arguments)
    terminal = Terminal(given.json, redraws=sys.stderr.isatty())
    try:
        with ApiClient(given.url, given.token) as api:
            code: int = given.command(api, given, terminal)
            sys.stdout.flush()
            return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on, which is no mistake
        return 0
    except KeyboardInterrupt:
        print("\nLeft; what was ordered goes on: see character-identity list.", file=sys.stderr)
        return STOPPED
    except (
        ApiError,
        JobFailed,
        DeadlinePassed,
        ValueError,
        ImportError,
        OSError,
        httpx.HTTPError,
    ) as problem:
        code, why = _told(problem)
        print(why, file=sys.stderr)
        return code


def _told(problem: Exception) -> tuple[int, str]:
    """The exit code of what went wrong, and a sentence about it."""
    match problem:
        case JobFailed() | DeadlinePassed():
            return 1, str(problem)
        case httpx.HTTPError():
            return 3, f"There is no answer from {_host(problem)}: {str(problem) or type(problem).__name__}."
        case ApiError(status=401 | 403, code="unknown"):
            return 2, f"The token is not accepted (HTTP {problem.status}): give one that is good now."
        case UnicodeError():
            return 2, "A name or a text holds bytes that are no UTF-8."
        case OSError(filename=str(name), strerror=str(why)):
            return 2, f"{name}: {why}."
        case _:
            return 2, str(problem) or type(problem).__name__


def _host(problem: httpx.HTTPError) -> str:
    """Whom a request went to, without its path or signature."""
    try:
        return problem.request.url.netloc.decode()
    except RuntimeError:
        return "the API"


def providers(api: ApiClient, given: argparse.Namespace, terminal: Terminal) -> int:
    """List the providers with their limits and prices."""
    found = api.list_providers()
    terminal.answer(
        found,
        (
            f"{each.name}: {each.min_references} to {each.max_references} references"
            + (
                "".join(f", {what} {_cost(price)}" for what, price in each.prices.items())
                or ", no price told"
            )
            + ("" if each.available else "; not available: the service has no key for it")
            for each in found
        ),
    )
    return 0


def _cost(price: Price) -> str:
    """As in $0.10 per megapixel; with more digits than cents where it has them."""
    cents = f"{price.amount_usd:.2f}"
    return f"${cents if float(cents) == price.amount_usd else f'{price.amount_usd:g}'} per {price.unit}"


def check(api: ApiClient, given: argparse.Namespace, terminal: Terminal) -> int:
    """Find out what is wrong with pictures, before anything is paid."""
    pictures = _each(given.pictures)
    found = api.check_references(_uploaded(api, pictures, terminal), provider=given.provider)
    lines = [_about(finding, pictures) for finding in found.findings]
    terminal.answer(found, lines or ["Nothing was found."])
    return 0 if found.usable else 1


def create(api: ApiClient, given: argparse.Namespace, terminal: Terminal) -> int:
    """Create an identity from pictures, and wait until it is ready."""
    pictures = _each(given.pictures)
    asked = {"identity": [given.name, given.provider, given.class_name], "pictures": digests(pictures)}
    key, references = _noted(given, terminal, asked, lambda: _uploaded(api, pictures, terminal))
    made = api.create_identity(
        given.name, given.provider, references, class_name=given.class_name, idempotency_key=key
    )
    if made.status != "ready" and not given.no_wait:
        made = api.wait_until_ready(
            made.character_id,
            timeout_s=given.timeout,
            on_progress=lambda now: terminal.progress("training", now.progress, 100),
        )
    terminal.answer(made, [made.character_id])
    return 0


def generate(api: ApiClient, given: argparse.Namespace, terminal: Terminal) -> int:
    """Draw an identity, and wait for the pictures and their scores."""
    if given.output:
        given.output.mkdir(parents=True, exist_ok=True)  # before anything is paid
    options = {"seed": given.seed, "aspect_ratio": given.aspect_ratio, "num_images": given.images}
    key, _ = _noted(given, terminal, {"generation": [given.identity, given.prompt, options]}, list)
    ordered = api.generate(given.identity, given.prompt, **options, idempotency_key=key)
    total = given.images or 1

    def show(now: Generation) -> None:
        judged = sum(image.judged for image in now.images)
        terminal.progress("pictures", judged if now.settled else 0, max(total, len(now.images)))

    done = api.wait_until_scored(ordered.generation_id, timeout_s=given.timeout, on_progress=show)
    reasons = [image.not_scored.reason if image.not_scored else image.reason for image in done.images]
    lines = [_line(i.image_url, i.scores, reason) for i, reason in zip(done.images, reasons, strict=True)]
    if given.output:
        for number, image in enumerate(done.images, start=1):
            if image.image_url:
                suffix = Path(httpx.URL(image.image_url).path).suffix
                file = given.output / f"{done.generation_id}-{number}{suffix}"
                file.write_bytes(api.download(image.image_url))
                lines[number - 1] = _line(str(file), image.scores, reasons[number - 1])
    terminal.answer(done, lines)
    return 0


def score(api: ApiClient, given: argparse.Namespace, terminal: Terminal) -> int:
    """Say how like an identity, or other pictures, pictures are; nothing is stored."""
    pictures = _each(given.pictures)
    images = _uploaded(api, pictures, terminal)
    references = _uploaded(api, _each(given.reference), terminal) if given.reference else None
    answers = [
        api.compare(images[start : start + MOST_AT_ONCE], identity_id=given.identity, references=references)
        for start in range(0, len(images), MOST_AT_ONCE)
    ]
    found = answers[0].model_copy(update={"images": [each for answer in answers for each in answer.images]})
    reasons = [image.not_scored.reason if image.not_scored else None for image in found.images]
    rows = zip(pictures, found.images, reasons, strict=True)
    terminal.answer(found, (_line(name, image.scores, reason) for name, image, reason in rows))
    return 0


def compare_providers(api: ApiClient, given: argparse.Namespace, terminal: Terminal) -> int:
    """Have providers compared on a character, with the results on this disk."""
    return evaluate(api, given, asker(), terminal.say)


def show_list(api: ApiClient, given: argparse.Namespace, terminal: Terminal) -> int:
    """List the identities, or the generations of one."""
    wanted = {"status": given.status, "provider": given.provider}
    if given.identity:
        generations = [*api.list_generations(given.identity, **wanted)]
        terminal.answer(
            generations, (f"{each.generation_id} {each.status} {each.prompt}" for each in generations)
        )
    else:
        found = [*api.list_identities(**wanted)]
        terminal.answer(found, (f"{e.character_id} {e.status} {e.provider} {e.name}" for e in found))
    return 0


def erase(api: ApiClient, given: argparse.Namespace, terminal: Terminal) -> int:
    """Erase an identity with all that was made of it, and say what remains."""
    if not given.yes:
        print(f"--yes agrees to erase {given.identity} for ever; nothing was erased.", file=sys.stderr)
        return 2
    receipt = api.erase_identity(given.identity)
    removed = receipt.removed.model_dump().items()
    words = ((number, what.replace("_", " ")) for what, number in removed if number)
    counts = ", ".join(
        f"{number} {what.removesuffix('s') if number == 1 else what}" for number, what in words
    )
    remaining = (f"remains in {each.where}: {each.what}" for each in receipt.remaining)
    more = [] if receipt.complete else ["Not all is deleted yet; the same command says when it is."]
    terminal.answer(receipt, [f"removed: {counts or 'nothing'}", *remaining, *more])
    return 0


def usage(api: ApiClient, given: argparse.Namespace, terminal: Terminal) -> int:
    """Say what was spent in a month, and what is left."""
    found = api.usage(given.month)
    line = (
        f"{found.month}: ${found.committed_usd:.2f} spent and ${found.reserved_usd:.2f} set aside of "
        f"${found.limit_usd:.2f}, ${found.remaining_usd:.2f} left"
    )
    terminal.answer(found, [line])
    return 0


def parser() -> argparse.ArgumentParser:
    """All commands and what they take; each names the function that runs it."""
    shared = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    shared.add_argument("--url", help="where the API is; else CHARACTER_IDENTITY_URL, or .local/dev.json")
    shared.add_argument("--token", help="who calls it; else CHARACTER_IDENTITY_TOKEN, or .local/dev.json")
    whole = argparse.ArgumentParser(
        prog="character-identity",
        description="Calls the character identity API.",
        epilog=ENDINGS,
        allow_abbrev=False,
    )
    whole.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Callable[..., int], *, answers: bool = True) -> argparse.ArgumentParser:
        about = function.__doc__
        one = commands.add_parser(name, help=about, description=about, parents=[shared], allow_abbrev=False)
        one.set_defaults(command=function, json=False)
        if answers:
            one.add_argument("--json", action="store_true", help="write what the API answered")
        return one

    command("providers", providers)

    one = command("check", check)
    one.add_argument("pictures", nargs="+", metavar="PICTURE", help="files, or folders of them")
    one.add_argument("--provider", help="whose limits count too")

    one = command("create", create)
    one.add_argument("name", help="what the character is called in prompts")
    one.add_argument("pictures", nargs="+", metavar="PICTURE", help="files, or folders of them")
    one.add_argument("--provider", required=True, help="who trains and draws it: see providers")
    one.add_argument("--class", dest="class_name", metavar="WORD", help="what it is: woman, man, cat, ...")
    one.add_argument("--no-wait", action="store_true", help="do not wait until it is ready")
    add_key(one)
    one.add_argument("--timeout", type=_seconds, default=3600, metavar="SECONDS", help="for the wait")

    one = command("generate", generate)
    one.add_argument("identity", metavar="ID", help="of an identity")
    one.add_argument("prompt", help="what to draw, with the character's name")
    one.add_argument("--images", type=int, metavar="N", help="how many pictures")
    one.add_argument("--seed", type=int)
    add_key(one)
    one.add_argument("--aspect-ratio", choices=("1:1", "16:9", "9:16", "4:3", "3:4"))
    one.add_argument("--output", type=Path, metavar="DIR", help="put the pictures there")
    one.add_argument("--timeout", type=_seconds, default=3600, metavar="SECONDS", help="for the wait")

    one = command("score", score)
    one.add_argument("pictures", nargs="+", metavar="PICTURE", help="files, or folders of them")
    against = one.add_mutually_exclusive_group(required=True)
    against.add_argument("--identity", metavar="ID", help="against an identity")
    against.add_argument(
        "--reference", action="append", metavar="PICTURE", help="against pictures; repeatable"
    )

    add_options(command("evaluate", compare_providers, answers=False))

    one = command("list", show_list)
    one.add_argument(
        "identity", nargs="?", metavar="ID", help="whose generations; without it, all identities"
    )
    one.add_argument("--status")
    one.add_argument("--provider")

    one = command("erase", erase)
    one.add_argument("identity", metavar="ID")
    one.add_argument("--yes", action="store_true", help="agree to it")

    one = command("usage", usage)
    one.add_argument("month", nargs="?", help="such as 2026-11; else this one")
    return whole


def _version() -> str:
    """That of the client's distribution, or of the service's, which has it too."""
    try:
        return version("character-identity-client")
    except PackageNotFoundError:
        return version("character-identity")


def _each(pictures: Sequence[str]) -> list[str]:
    """The files, with those of folders in their place."""
    return [str(each) for picture in pictures for each in listed(picture)]


def _seconds(word: str) -> float:
    """A number of seconds that is more than nothing.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{word!r} is no number above 0")
    return number


def _noted(
    given: argparse.Namespace,
    terminal: Terminal,
    asked: Mapping[str, Any],
    prepare: Callable[[], list[str]],
) -> tuple[str, list[str]]:
    """The key of an order, which is told, and its references; it is in the journal, and may be sent."""
    key, references = Journal(given.journal).once(given.key, asked, prepare)
    terminal.show(f"{hint(key)}\n")
    return key, references


def _uploaded(api: ApiClient, pictures: Sequence[str], terminal: Terminal) -> list[str]:
    """The keys of files."""
    return api.upload_references(
        pictures, on_progress=lambda done, total: terminal.progress("upload", done, total)
    )


def _about(finding: Finding, pictures: Sequence[str]) -> str:
    """A finding in a line, with the picture that it is about."""
    which = "" if finding.reference is None else f"{pictures[finding.reference]}: "
    return f"{finding.severity}: {which}{finding.message} {finding.advice}"


def _line(what: str | None, scores: Sequence[Score], reason: str | None) -> str:
    numbers = [f"{each.encoder} {each.mean:.4f}" for each in scores]
    return "  ".join([what or "no picture", *(numbers or [reason or "not scored"])])


def _plain(answer: BaseModel | Sequence[BaseModel]) -> Any:
    if isinstance(answer, BaseModel):
        return answer.model_dump(mode="json", by_alias=True)
    return [each.model_dump(mode="json", by_alias=True) for each in answer]


if __name__ == "__main__":
    sys.exit(main())
