"""Numbers as JSON has them: no text and no true or false in their place, which pydantic takes for numbers."""

from typing import Annotated, Any

from pydantic import BeforeValidator


def _no_other(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("a number is wanted, without quotation marks")
    return value


Number = Annotated[float, BeforeValidator(_no_other)]
Whole = Annotated[int, BeforeValidator(_no_other)]
