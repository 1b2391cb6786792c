"""Numbers, true and false as JSON has them: no text in their place, nor one of them in the other's.

Pydantic takes ``true`` and ``"1"`` for a number, and ``"no"`` and ``1`` for true or false.
"""

from typing import Annotated

from pydantic import Strict

Number = Annotated[float, Strict()]
Whole = Annotated[int, Strict()]
Truth = Annotated[bool, Strict()]
