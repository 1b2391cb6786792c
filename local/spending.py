"""What a run will cost at real providers, said before anything is ordered, and whether that is agreed to."""

from collections.abc import Callable, Sequence

from character_evaluation.pages import dollars
from character_identity_client.asking import Ask
from character_identity_client.evaluations import counted
from character_identity_client.models import ProviderEstimate
from local.errors import CannotRun


def agree(
    bills: Sequence[ProviderEstimate], ask: Ask | None, say: Callable[[str], None], *, yes: bool
) -> None:
    """Say what each provider takes for its identity and pictures, and go on only with a yes to all of it.

    Raises:
        CannotRun: nobody said yes.
    """
    for bill in bills:
        say(_said(bill))
    agree_to(_in_all(bills), ask, say, yes=yes)


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


def _said(bill: ProviderEstimate) -> str:
    about = "at a price that is not published" if bill.estimate_usd is None else _about(bill.estimate_usd)
    return f"{bill.provider}: its identity and {counted(bill.images)} {about}, {_at_most(bill.ceiling_usd)}."


def _in_all(bills: Sequence[ProviderEstimate]) -> str:
    known = sum(bill.estimate_usd or 0 for bill in bills)
    unknown = [bill.provider for bill in bills if bill.estimate_usd is None]
    parts = [_about(known)] if known or not unknown else []
    parts += [f"what {' and '.join(unknown)} will take, which has no published price"] if unknown else []
    return f"{' and '.join(parts)}, {_at_most(sum(bill.ceiling_usd for bill in bills))}"


def _about(amount_usd: float) -> str:
    return f"about {dollars(amount_usd)}"


def _at_most(amount_usd: float) -> str:
    return f"{dollars(amount_usd)} at most"
