"""Orders of the command line, on disk before they are sent: the same command with the same key makes it once.

The API knows an order by its idempotency key and its body. References that are uploaded again lie elsewhere,
so that the body would be another: a journal has those of the first time.
"""

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from character_identity_client.files import write_file
from character_identity_client.pictures import Picture, is_reference, picture_file

KNOWN_FOR = timedelta(hours=24)
"""For so long the API knows an idempotency key; docs/api.md."""
KEPT_FOR = timedelta(days=30)
"""For so long a key is refused that the API knows no more; then the file goes."""
LONGEST_KEY = 255


class Refused(ValueError):
    """The command cannot do what was asked; the message is a sentence for the user."""


class Journal:
    """A file for each order in ``folder``, by its key."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._folder = folder
        self._now = now

    def once(
        self, key: str | None, asked: Mapping[str, Any], prepare: Callable[[], list[str]]
    ) -> tuple[str, list[str]]:
        """Return the key of an order that may be sent now, and its references, as of the first time.

        Without a ``key`` it gets one. ``asked`` is all that makes it this order and no other, as it fits into
        JSON. ``prepare`` uploads, and agrees to what it costs.

        Raises:
            Refused: the key is another order's, or older than the API knows keys.
            UnicodeEncodeError: a text of the order is none.
            OSError: it cannot be noted, so nothing may be sent.
        """
        key = key or str(uuid4())
        file = self._folder / f"{sha256(key.encode()).hexdigest()}.json"
        digest = sha256(json.dumps(asked, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
        if file.exists():
            return key, self._known(file, key, digest)
        self._folder.mkdir(parents=True, exist_ok=True)  # before anything is prepared
        references = prepare()
        noted = {"asked": digest, "references": references, "notedAt": self._now().isoformat()}
        write_file(file, json.dumps(noted).encode())
        self._tidy()
        return key, references

    def _known(self, file: Path, key: str, digest: str) -> list[str]:
        try:
            noted = json.loads(file.read_bytes())
            references, at = [*map(str, noted["references"])], datetime.fromisoformat(noted["notedAt"])
            is_same = noted["asked"] == digest
        except (ValueError, LookupError, TypeError) as error:
            raise Refused(f"{file} cannot be read; another --key makes a new order.") from error
        if not is_same:
            raise Refused(f"The key {key} is of another order; another --key makes a new one.")
        if self._now() - at >= KNOWN_FOR:
            raise Refused(
                f"The key {key} is of an order of {at:%Y-%m-%d %H:%M} UTC, which the API would make once "
                "more by now; character-identity list has what came of it, another --key makes a new one."
            )
        return references

    def _tidy(self) -> None:
        oldest = (self._now() - KEPT_FOR).timestamp()
        for file in self._folder.glob("*.json"):
            if file.stat().st_mtime < oldest:
                file.unlink(missing_ok=True)


def add_key(one: argparse.ArgumentParser, among: Any = None) -> None:
    """Let a command that orders take a key, among options of which only one may be given."""
    (among or one).add_argument(
        "--key",
        type=_key,
        metavar="KEY",
        help="of this order; given again with the same command, the order is made and paid once",
    )
    one.add_argument(
        "--journal",
        type=Path,
        default=_folder(),
        metavar="DIR",
        help="for orders, by their keys (%(default)s)",
    )


def hint(key: str) -> str:
    """Return what to say before an order is sent."""
    return f"Order {key}: after any trouble, the same command with --key {key} goes on with it."


def digests(pictures: Sequence[Picture]) -> list[str]:
    """Return a digest of pictures, whatever their files are called; of one that the API knows, itself."""
    return [
        str(each) if is_reference(each) else sha256(picture_file(each, number).content()).hexdigest()
        for number, each in enumerate(pictures, 1)
    ]


def _folder() -> Path:
    """Return the folder of programs' state, https://specifications.freedesktop.org/basedir-spec/latest/."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "character-identity" / "orders"


def _key(word: str) -> str:
    if not (word.isascii() and word.isprintable() and " " not in word and 0 < len(word) <= LONGEST_KEY):
        raise argparse.ArgumentTypeError(f"{word!r} is no key of 1 to {LONGEST_KEY} visible ASCII characters")
    return word
