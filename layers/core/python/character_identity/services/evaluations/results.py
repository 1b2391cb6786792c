"""Results of evaluations as they are handed out: with links that work in place of paths."""

import json
import re
from html import escape
from typing import NamedTuple

from character_identity.domain.errors import Conflict, NotFound
from character_identity.domain.evaluation import GALLERY, PICTURES, RESULTS, Evaluation
from character_identity.domain.object_keys import EVALUATIONS, LINKED, prefix_of
from character_identity.ports.stores import Bucket

MOST_BYTES = 64 * 1024 * 1024
LARGEST_ANSWER = 5_000_000
"""Bytes of JSON, in which a quote is two and a letter up to six. Lambda answers with 6 MB of it at most
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, read 2026-11-28)."""
PATH = re.compile(r'"((?:images|references)/[^"\s]+)"')
"""An attribute of a page that may be a picture's path."""
WITH_PICTURES = {GALLERY}
"""The pages that show pictures, by their paths beside the page."""


class Result(NamedTuple):
    """A file, or a link to it where it is too large for an answer."""

    content: str
    content_type: str
    link: str | None = None


class EvaluationResults:
    """Reads the results of evaluations; pictures are linked anew each time, for links end."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def get(self, evaluation: Evaluation, file: str) -> Result:
        """One of ``RESULTS``.

        Raises:
            NotFound: there is no result of that name.
            Conflict: the evaluation has not ended, or its results are being written.
        """
        if file not in RESULTS:
            message = f"There is no such result; there are {', '.join(RESULTS)}."
            raise NotFound(message, code="unknown_result")
        prefix = prefix_of(EVALUATIONS, evaluation.evaluation_id)
        key = f"{prefix}{file}"
        try:
            if not evaluation.has_results:
                raise NotFound(key)
            content = self._bucket.read(key, MOST_BYTES).decode()
        except NotFound as exc:
            raise _not_completed(evaluation) from exc
        linked = self._linked(prefix, file, content)
        if len(json.dumps(linked)) <= LARGEST_ANSWER:
            return Result(linked, RESULTS[file])
        if linked != content:
            key = f"{prefix}{LINKED}{file}"
            self._bucket.write(key, linked.encode(), RESULTS[file])
        return Result("", RESULTS[file], self._bucket.link(key))

    def _linked(self, prefix: str, file: str, content: str) -> str:
        if file == PICTURES:
            keys = json.loads(content)
            return json.dumps({path: self._bucket.link(key) for path, key in keys.items()})
        if file in WITH_PICTURES:
            pictures = json.loads(self._bucket.read(f"{prefix}{PICTURES}", MOST_BYTES))

            def linked(found: re.Match[str]) -> str:
                key = pictures.get(found[1])
                return found[0] if key is None else f'"{escape(self._bucket.link(key))}"'

            return PATH.sub(linked, content)  # once through, however many there are
        return content


def _not_completed(evaluation: Evaluation) -> Conflict:
    if evaluation.is_unsettled:
        message = f"The evaluation is {evaluation.status}; it has results once it has ended."
    elif evaluation.has_results:  # an identity of it was erased
        message = "The results are being made anew, without an identity that was erased."
    else:
        message = f"The evaluation is {evaluation.status}, and its results are not there, or not yet."
    return Conflict(message, code="evaluation_not_completed")
