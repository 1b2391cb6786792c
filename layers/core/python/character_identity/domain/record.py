"""Record: an immutable model, of which changed copies are made."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A model whose fields never change."""

    model_config = ConfigDict(frozen=True)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with other values in these fields, which are not validated."""
        return self.model_copy(update=changes)
