"""Numbers as JSON has them: no text and no true or false in their place, which pydantic takes for numbers."""

from typing import Annotated

from pydantic import Strict

Number = Annotated[float, Strict()]
Whole = Annotated[int, Strict()]
