"""Templates, and how figures are written in them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from character_evaluation.statistics import Figures, ProviderSummary
from character_identity.domain.text import counted


def template(name: str) -> Template:
    """Return a template; what is put into one of HTML is escaped."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    """Keep templates that were compiled, which takes longer than to fill them in."""
    environment = Environment(
        loader=PackageLoader("character_evaluation"),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "seconds": seconds,
        "dollars": dollars,
        "cost": cost,
        "score": score,
        "deviation": deviation,
        "training": training,
        "counted": counted,
        "first_of": first_of,
        "percent": percent,
        "drawn": drawn,
        "chance": chance,
    }
    return environment


def moment(at: datetime) -> str:
    """A time as people read it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def seconds(milliseconds: float | None) -> str:
    """A duration as people read it."""
    if milliseconds is None:
        return "unknown"
    if milliseconds < 90_000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds / 60_000:.1f} min"


def training(milliseconds: float | None) -> str:
    """How long a training took, where there was one."""
    return "none" if milliseconds == 0 else seconds(milliseconds)


def dollars(amount: float | None) -> str:
    """An amount in dollars and cents, with as many more digits as a small one needs: up to two.

    Amounts are counted in millionths; a sum of some that is a hair below half a cent would lose the cent.
    """
    if amount is None:
        return "unknown"
    amount = round(amount, 6)
    if amount >= 1:
        return f"${amount:.2f}"
    whole, cents = f"{amount:.4f}".split(".")
    return f"${whole}.{cents[:2]}{cents[2:].rstrip('0')}"


def cost(summaries: Sequence[ProviderSummary]) -> str:
    """The bill of some providers, or as much of it as is known."""
    known = dollars(sum(summary.known_cost_usd for summary in summaries))
    if all(summary.cost_usd is not None for summary in summaries):
        return known
    return "unknown" if known == dollars(0) else f"at least {known}"


def chance(p: float | None) -> str:
    """A probability; of a very small one it is not said how small."""
    return "unknown" if p is None else f"{p:.3f}" if p >= 0.001 else "< 0.001"


def percent(share: float | None) -> str:
    """A share of one, as people read it."""
    return "unknown" if share is None else f"{share * 100:.0f} %"


def drawn(figures: Figures) -> str:
    """Return how many pictures succeeded of those that were asked for, and what counts in neither."""
    others = {"cancelled": figures.cancelled, "erased": figures.erased}
    told = "".join(f", {number} {what}" for what, number in others.items() if number)
    return f"{figures.succeeded} of {figures.asked}{told}"


def score(similarity: float | None) -> str:
    """A similarity with three digits; the fourth is noise."""
    return "not scored" if similarity is None else f"{similarity:.3f}"


def deviation(figures: Figures) -> str:
    """How far scores lie apart, which takes two of them."""
    return "one score" if figures.compared == 1 else score(figures.similarity_deviation)


def first_of(number: int, thing: str) -> str:
    """The first of some things, one or more."""
    return f"the first {thing}" if number == 1 else f"the first {counted(number, thing)}"
