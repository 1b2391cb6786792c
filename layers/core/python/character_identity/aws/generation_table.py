"""Generations in DynamoDB."""

from typing import Any

from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

from character_identity.aws.items import is_condition_failure, to_item
from character_identity.domain.errors import Conflict, NotFound
from character_identity.domain.generation import Generation

SETTLED = ("succeeded", "failed")


class GenerationTable:
    """One item each: pk ``GENERATION#<id>``, sk ``GENERATION``; its scores lie beside it."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def add(self, generation: Generation) -> None:
        """Store a new generation.

        Raises:
            Conflict: there is one of that id.
        """
        if not self._put(generation, Attr("pk").not_exists()):
            raise Conflict(f"The generation {generation.generation_id!r} exists.")

    def get(self, generation_id: str) -> Generation:
        """The generation of that id.

        Raises:
            NotFound: there is none.
        """
        item = self._table.get_item(Key=_key(generation_id), ConsistentRead=True).get("Item")
        if item is None:
            raise NotFound(f"There is no generation {generation_id!r}.", code="unknown_generation")
        return Generation.model_validate(item)

    def save(self, generation: Generation) -> Generation:
        """Store a new state unless the stored one is settled; returns what is stored."""
        open_still = Attr("pk").exists() & ~Attr("status").is_in(list(SETTLED))
        return generation if self._put(generation, open_still) else self.get(generation.generation_id)

    def _put(self, generation: Generation, condition: Any) -> bool:
        item = {**_key(generation.generation_id), **to_item(generation)}
        try:
            self._table.put_item(Item=item, ConditionExpression=condition)
        except ClientError as exc:
            if is_condition_failure(exc):
                return False
            raise
        return True


def _key(generation_id: str) -> dict[str, str]:
    return {"pk": f"GENERATION#{generation_id}", "sk": "GENERATION"}
