"""What a run will cost at real providers, said before anything is ordered, and whether that is agreed to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from character_evaluation.pages import dollars
from character_identity_client import ApiClient, Provider
from local.errors import CannotRun
from local.progress import counted

Ask = Callable[[str], str]
"""Asks whoever sits at the terminal, and returns the answer."""

MEGAPIXELS = 1
"""Of a picture of the demo, 1024 pixels a side; fal counts 1,048,576 as one, and may round up to two."""


@dataclass(frozen=True)
class Bill:
    """What one provider is expected to take, in dollars; None where it has published no price."""

    provider: str
    training_usd: float | None
    picture_usd: float | None
    pictures: int

    @property
    def total_usd(self) -> float | None:
        if self.training_usd is None or self.picture_usd is None:
            return None
        return self.training_usd + self.picture_usd * self.pictures

    def __str__(self) -> str:
        parts = [f"training {_about(self.training_usd)}"] if self.training_usd != 0 else []
        pictures = None if self.picture_usd is None else self.picture_usd * self.pictures
        return f"{self.provider}: {', '.join([*parts, f'{counted(self.pictures)} {_about(pictures)}'])}."


def bills(api: ApiClient, providers: Sequence[str], pictures: int) -> list[Bill]:
    """What an identity and so many pictures cost at each provider, by the API's estimate and prices."""
    known = {provider.name: provider for provider in api.list_providers()}
    return [
        Bill(
            provider,
            api.estimate_identity(provider).estimate_usd,
            _picture_usd(known.get(provider)),
            pictures,
        )
        for provider in providers
    ]


def agree(found: Sequence[Bill], ask: Ask | None, say: Callable[[str], None], *, yes: bool) -> None:
    """Say what each bill is, and go on only with a yes to all of them.

    Raises:
        CannotRun: nobody said yes.
    """
    for bill in found:
        say(str(bill))
    agree_to(_in_all(found), ask, say, yes=yes)


def agree_to(amount: str, ask: Ask | None, say: Callable[[str], None], *, yes: bool) -> None:
    """Go on only with a yes to an amount in words; ``ask`` is None where nobody is there to be asked.

    Raises:
        CannotRun: nobody said yes.
    """
    if yes:
        say(f"This costs {amount}, which was agreed to.")
        return
    if ask is None:
        raise CannotRun(f"This costs {amount}; YES=1 (--yes) agrees to it, nothing was ordered.")
    if ask(f"This costs {amount}. Order it? [y/N] ").strip().lower() not in ("y", "yes"):
        raise CannotRun("Nothing was ordered.")


def _in_all(found: Sequence[Bill]) -> str:
    known = sum(bill.total_usd or 0 for bill in found)
    unknown = [bill.provider for bill in found if bill.total_usd is None]
    parts = [f"about {dollars(known)}"] if known or not unknown else []
    parts += [f"what {' and '.join(unknown)} will take, which has no published price"] if unknown else []
    return " and ".join(parts)


def _picture_usd(provider: Provider | None) -> float | None:
    price = provider.prices.get("image") if provider else None
    return None if price is None else price.amount_usd * MEGAPIXELS


def _about(amount_usd: float | None) -> str:
    return "at a price that is not published" if amount_usd is None else f"about {dollars(amount_usd)}"
