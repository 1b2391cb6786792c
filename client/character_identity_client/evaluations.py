"""Evaluations for people who wait for one: how far it is in words, and its results in a folder."""

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from character_identity_client.api import ApiClient, ApiError
from character_identity_client.asking import Ask
from character_identity_client.files import write_file
from character_identity_client.journal import Refused
from character_identity_client.models import Evaluation

PAGES = ("report.html", "report.md", "summary.json")
GALLERY, MANIFEST, ROWS, PICTURES = "gallery.html", "evaluation.json", "results.csv", "pictures.json"
AT_ONCE = 4
"""Pictures that are downloaded side by side."""
LONGEST_RUN_S = 7 * 24 * 3600
"""Seconds that an evaluation may take."""
SETTLES_WITHIN_S = 600
"""Seconds in which a cancelled evaluation ends: what runs is stopped, and results of the rest are made."""
SURE_AFTER = 5
"""Per cent, after which it is said how long the rest will take."""
QUOTED_LINK = re.compile(r'"(https?://[^"?\s]+)(?:\?[^"]*)?"')


class TimeLeft:
    """How long the rest of an evaluation will take, by how fast it went since it was first looked at."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def seconds(self, now_s: float, progress: int) -> float | None:
        """The seconds that are left at a time, in seconds of any clock; None as long as nobody knows."""
        self._first = self._first or (now_s, progress)
        began_s, from_progress = self._first
        made = progress - from_progress
        return None if made < SURE_AFTER else (now_s - began_s) * (100 - progress) / made


def counted(pictures: int) -> str:
    """So many pictures, in words."""
    return "1 picture" if pictures == 1 else f"{pictures} pictures"


def described(evaluation: Evaluation, left_s: float | None = None) -> str:
    """Return an evaluation's phase with counts, the dollars spent of the ceiling, and the time left."""
    spent = f"${evaluation.cost_usd:.2f}"
    if evaluation.max_cost_usd is not None:
        spent += f" of ${evaluation.max_cost_usd:.2f}"
    left = "" if left_s is None or evaluation.settled else f", {_duration(left_s)} left"
    return f"{step(evaluation)}, {spent}{left}"


def step(evaluation: Evaluation) -> str:
    """Return what an evaluation is doing, with counts."""
    identities, images = evaluation.counts.identities, evaluation.counts.images
    match evaluation.status, evaluation.phase:
        case "running", "identities":
            return f"identities {identities.done} of {identities.total}{_failed(identities.failed)}"
        case "running", "pictures":
            return f"pictures {images.done} of {images.total}{_failed(images.failed)}"
        case "running", "scores":
            return f"scores {images.scored + images.not_scored} of {images.done}"
        case "running", phase:
            return phase
        case status, _:
            return status


def cancelled_if_asked(api: ApiClient, evaluation_id: str, ask: Ask | None) -> Evaluation | None:
    """Settle with who leaves by Ctrl-C what becomes of an evaluation: it goes on, and None is returned.

    Or it is cancelled, and returned as it ended. ``ask`` is None where nobody can be asked: it goes on. So it
    does for who leaves while asked.
    """
    if ask is None:
        return None
    try:
        answer = ask("\nCancel the evaluation, and pay for no more of it? Else it goes on. [y/N] ")
    except KeyboardInterrupt:
        return None
    if answer.strip().lower() not in ("y", "yes"):
        return None
    api.cancel_evaluation(evaluation_id)
    return api.wait_until_evaluated(evaluation_id, timeout_s=SETTLES_WITHIN_S)


def why_not_completed(ended: Evaluation) -> str:
    """Return why an evaluation ended before it was completed, and what it cost all the same."""
    why = "The evaluation was cancelled."
    if ended.status == "failed":
        why = ended.error.message if ended.error else "It failed without saying why."
    return f"{why} ${ended.cost_usd:.2f} were spent."


def save_results(api: ApiClient, evaluation_id: str, folder: Path) -> list[str]:
    """Put all results of an evaluation that has ended into a folder, with links among each other.

    What is there already of its pictures is not fetched again. Returns a sentence for each that could not be.

    Raises:
        Refused: the folder holds those of another evaluation, whose pictures have the same names.
        ApiError: the results could not be had, or name a place outside the folder.
        httpx.TransportError: the API was not reached.
    """
    manifest = api.evaluation_result(evaluation_id, MANIFEST)
    if holds_results(folder) and _began((folder / MANIFEST).read_bytes()) != _began(manifest):
        raise Refused(
            f"{folder} holds the results of another evaluation. "
            f"With --resume {evaluation_id} and another --output these are put there."
        )
    links: dict[str, str] = json.loads(api.evaluation_result(evaluation_id, PICTURES))
    places = {path: _within(folder, path) for path in links}
    write_file(folder / MANIFEST, manifest)  # first: it says whose the pictures are
    with ThreadPoolExecutor(AT_ONCE) as pool:
        problems = list(pool.map(lambda path: _fetch(api, links[path], path, places[path]), links))
    for name in (ROWS, *PAGES):
        write_file(folder / name, api.evaluation_result(evaluation_id, name))
    gallery = api.evaluation_result(evaluation_id, GALLERY).decode()
    write_file(folder / GALLERY, on_disk(gallery, links).encode())
    return [problem for problem in problems if problem]


def holds_results(folder: Path) -> bool:
    """Return True if a folder holds results of an evaluation, or the first of them."""
    return (folder / MANIFEST).exists()


def _began(manifest: bytes) -> object:
    """Return when the evaluation of a manifest was ordered, to the microsecond; None of what is none."""
    try:
        return json.loads(manifest).get("started_at")
    except (ValueError, AttributeError):
        return None


def on_disk(page: str, links: Mapping[str, str]) -> str:
    """A page with the paths of pictures in place of links to them, whatever their signatures are by now."""
    paths = {link.partition("?")[0]: path for path, link in links.items()}
    return QUOTED_LINK.sub(lambda found: f'"{paths[found[1]]}"' if found[1] in paths else found[0], page)


def _fetch(api: ApiClient, link: str, path: str, place: Path) -> str | None:
    if place.exists():
        return None
    try:
        write_file(place, api.download(link))
    except (ApiError, httpx.TransportError) as error:
        return f"{path} could not be downloaded: {error}"
    return None


def _within(folder: Path, path: str) -> Path:
    place = (folder / path).resolve()
    if not place.is_relative_to(folder.resolve()):
        raise ApiError(200, "unreadable_answer", f"A picture would lie outside the folder: {path[:100]!r}.")
    return place


def _failed(count: int) -> str:
    return f" ({count} failed)" if count else ""


def _duration(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
