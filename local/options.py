"""Options of a command, as words or through make: ``make dev API_PORT=9000`` is ``dev --api-port 9000``."""

import argparse
import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from local.errors import CannotRun
from local.settings import VARIABLES

MAKES_OWN = {"PYTHON", "WORKERS", "OPTIONS", "SHELL"}
"""Variables that the Makefile itself reads."""
GUESSED = VARIABLES - {"FAL_ADMIN_KEY"}
"""What a misspelt variable is taken for. Few have a key that deletes, which FAL_API_KEY is closest to."""
MAKEFLAGS_WORD = re.compile(r"(?:[^\s\\]|\\.)+")
ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)[:+?!]*=(.*)", re.DOTALL)
AMOUNT = re.compile(r"[0-9]{1,7}(\.[0-9]{1,2})?")
"""What the stack takes for the budget: dollars and cents."""
NEAR = 0.77
"""How alike a variable of the environment must be to one of ours to be taken for it, as difflib counts."""


class BadOption(CannotRun):
    """An option that the command cannot work with; the message is one sentence for the user."""


class Parser(argparse.ArgumentParser):
    """Reads options; what is wrong with them is said in one sentence, without the usage.

    What make was given comes as one word, ``--make=$MAKEFLAGS``, whose variables are options: the same names,
    in capitals.
    """

    def __init__(self, command: str, description: str | None) -> None:
        self._command = command
        self._variables: dict[str, argparse.Action] = {}
        about = description and description.replace("``", "")
        super().__init__(prog=f"python -m local {command}", description=about, allow_abbrev=False)

    def add_argument(self, *names: str, **settings: Any) -> argparse.Action:
        """Add an option; its variable goes by its name."""
        action = super().add_argument(*names, **settings)
        self._variables[names[-1].strip("-").replace("-", "_").upper()] = action
        return action

    def read(self, arguments: Sequence[str], environment: Mapping[str, str]) -> argparse.Namespace:
        """The options.

        Raises:
            BadOption: one of them cannot be used, or a variable of make or of the environment is misspelt.
        """
        words: list[str] = []
        for argument in arguments:
            is_from_make = argument.startswith("--make=")
            words += self._from_make(argument.removeprefix("--make=")) if is_from_make else [argument]
        _refuse_misspelt(environment)
        return self.parse_args(words)

    def error(self, message: str) -> NoReturn:
        raise BadOption(f"{message}; see --help.")

    def _from_make(self, makeflags: str) -> list[str]:
        words = []
        for name, value in variables(makeflags).items():
            action = self._variables.get(name)
            if action is not None:
                words += _option(action, value)
            elif name not in MAKES_OWN and name not in VARIABLES:
                raise BadOption(self._unknown(name))
        return words

    def _unknown(self, name: str) -> str:
        known = [variable for variable in self._variables if variable not in ("HELP", "H")]
        near = get_close_matches(name.upper(), [*known, *GUESSED], n=1)
        hint = f"did you mean {near[0]}?" if near else f"it knows {', '.join(known)}."
        return f"make {self._command} knows no variable {name}; {hint}"


def variables(makeflags: str) -> dict[str, str]:
    """The variables that make was given on its command line, from what it exports as MAKEFLAGS.

    It escapes blanks and backslashes by a backslash, and doubles dollars:
    https://www.gnu.org/software/make/manual/html_node/Options_002fRecursion.html and quote_for_env in its
    main.c, read 2026-11-28.
    """
    found = {}
    for word in MAKEFLAGS_WORD.findall(makeflags):
        assignment = ASSIGNMENT.fullmatch(re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL))
        if assignment:
            found[assignment[1]] = assignment[2].replace("$$", "$")
    return found


def folder(text: str) -> Path:
    """An option's value as the path of a folder; ``~`` is the user's home, whatever the shell made of it."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise argparse.ArgumentTypeError(f"there is no home that {text!r} could mean") from None


def dollars(text: str) -> str:
    """An option's value as an amount, in the digits that a stack's parameter takes."""
    amount = f"{_number(text):f}"
    if not AMOUNT.fullmatch(amount):
        raise argparse.ArgumentTypeError(f"an amount such as 100 or 99.50 is expected, not {text!r}")
    return amount


def seconds(text: str) -> float:
    """An option's value as a duration or a factor: a number, not negative."""
    return float(_number(text))


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        raise argparse.ArgumentTypeError(f"a number from 0 on is expected, not {text!r}")
    return number


def _option(action: argparse.Action, value: str) -> list[str]:
    if action.nargs == 0:
        return [] if value in ("", "0") else [action.option_strings[-1]]
    return [f"{action.option_strings[-1]}={value}"] if value else []


def _refuse_misspelt(environment: Mapping[str, str]) -> None:
    unset: Collection[str] = [name for name in GUESSED if not environment.get(name)]
    for name in environment.keys() - VARIABLES:
        near = get_close_matches(name.upper(), unset, n=1, cutoff=NEAR)
        if near and environment[name]:
            raise BadOption(
                f"{name} in the environment is no setting here, {near[0]} is; correct it, or unset it."
            )
