"""Plays histories that nobody wrote: from a name alone follows all that happens in one, step by step.

Each goes without some of the rules. Where everything may happen, what undoes things keeps most of them from
ever coming about (swarm testing: Groce and others, ISSTA 2012).
"""

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any, TypeVar

STEPS = 40
BEGIN = "begin"

Step = tuple[str, int]
"""A rule, and a number that chooses its arguments."""
Choices = Sequence[Any] | Callable[[Any], Sequence[Any]]
Method = TypeVar("Method", bound=Callable[..., None])


def rule(**choices: Choices) -> Callable[[Method], Method]:
    """Mark what may happen in a history: each argument is one of its choices, or of what they are then."""

    def mark(method: Method) -> Method:
        method.__dict__["choices"] = choices
        return method

    return mark


class Rules:
    """One history, by the rules of a subclass; ``begin`` comes first, and only then."""

    def __init__(self) -> None:
        self.done: list[tuple[Step, dict[str, Any]]] = []
        """The steps so far, and with which arguments."""

    def check(self) -> None:
        """Check what holds at any time."""

    def end(self) -> None:
        """Have all that goes on end, and check what holds then."""

    def do(self, name: str, number: int) -> bool:
        """Do what a rule says, or return False where there is nothing to choose from."""
        method = getattr(self, name)
        arguments, rest = {}, number
        for argument, choices in method.choices.items():
            options = choices(self) if callable(choices) else choices
            if not options:
                return False
            rest, index = divmod(rest, len(options))
            arguments[argument] = options[index]
        self.done.append(((name, number), arguments))
        method(**arguments)
        self.check()
        return True

    def told(self) -> str:
        """Tell the history, as Python."""
        return "\n".join(
            f"{name}({', '.join(f'{argument}={value!r}' for argument, value in arguments.items())})"
            for (name, _), arguments in self.done
        )


def run_histories(model: type[Rules], count: int, number: int, *, shorten: bool = True) -> None:
    """Run so many histories, always the same for a number; the first that breaks an invariant ends it.

    Its error tells the steps, of which those are left out that it breaks without, if it is to ``shorten``.
    """
    marked = (name for name in dir(model) if hasattr(getattr(model, name), "choices"))
    rules = [name for name in marked if name != BEGIN]
    for index in range(count):
        history = model()
        try:
            _play(history, rules, Random(f"{number}/{index}"))
        except Exception as error:
            told, why = _shortened(model, history, error) if shorten else (history, error)
            error.add_note(f"History {number}/{index}:\n{told.told()}\n{why!r}")
            raise


def _play(history: Rules, rules: Sequence[str], random: Random) -> None:
    history.do(BEGIN, random.getrandbits(32))
    chosen = random.sample(rules, random.randint(1, len(rules)))
    for _ in range(1, STEPS):
        _do_any(history, chosen, random) or _do_any(history, rules, random)
    history.end()


def _do_any(history: Rules, rules: Sequence[str], random: Random) -> bool:
    """Do what one of the rules says, of those that have something to choose from."""
    untried = [*rules]
    while untried:
        name = untried.pop(random.randrange(len(untried)))
        if history.do(name, random.getrandbits(32)):
            return True
    return False


def _shortened(model: type[Rules], history: Rules, error: Exception) -> tuple[Rules, Exception]:
    """Leave out, from the last to the first, each step without which it ends in such an error as well."""
    steps = [step for step, _ in history.done]
    for index in reversed(range(len(steps))):
        fewer, shorter = [*steps[:index], *steps[index + 1 :]], model()
        its_error = _error_in(shorter, fewer)
        if isinstance(its_error, type(error)):
            steps, history, error = fewer, shorter, its_error
    return history, error


def _error_in(history: Rules, steps: Iterable[Step]) -> Exception | None:
    try:
        for name, number in steps:
            history.do(name, number)
        history.end()
    except Exception as error:
        return error
    return None
