"""The addresses of callers' webhooks in DynamoDB."""

from typing import Any

from character_identity.aws import keys
from character_identity.aws.table import Table
from character_identity.aws.writes import THERE, delete, put, update
from character_identity.domain.errors import Conflict
from character_identity.domain.webhook import Endpoint


class EndpointTable:
    """One item each. The secret is in it: we have to sign."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, endpoint: Endpoint, at_most: int) -> None:
        """Of several at once each sees the others, and too many take themselves back."""
        key = keys.endpoint(endpoint.owner, endpoint.endpoint_id)
        self._table.write(put({**key, **endpoint.model_dump(mode="json")}))
        if len(self.list(endpoint.owner)) > at_most:
            self.remove(endpoint.owner, endpoint.endpoint_id)
            raise Conflict(f"There are {at_most} webhooks already.", code="too_many_webhooks")

    def list(self, owner: str) -> list[Endpoint]:
        pk = keys.endpoints(owner)
        rows = self._table.query(pk, "begins_with(sk, :endpoint)", endpoint=keys.ENDPOINT)
        found = [Endpoint.model_validate(row) for row in rows]
        return sorted(found, key=lambda endpoint: endpoint.created_at)

    def find(self, owner: str, endpoint_id: str) -> Endpoint | None:
        item = self._table.get(keys.endpoint(owner, endpoint_id))
        return None if item is None else Endpoint.model_validate(item)

    def report(self, endpoint: Endpoint, attempted: Endpoint) -> None:
        """Of two at once the later counts: a failure may be missed, which the next one makes up for."""
        changes = _differences(endpoint, attempted)
        self._table.write(update(keys.endpoint(endpoint.owner, endpoint.endpoint_id), changes, THERE))

    def change(self, endpoint: Endpoint, changed: Endpoint) -> bool:
        """The same again, as botocore sends it where an answer was lost, changes nothing."""
        changes = _differences(endpoint, changed)
        key = keys.endpoint(endpoint.owner, endpoint.endpoint_id)
        is_ours = "#secret IN (:known, :changed)"
        return not changes or self._table.write(
            update(key, changes, is_ours, known=endpoint.secret, changed=changed.secret)
        )

    def remove(self, owner: str, endpoint_id: str) -> bool:
        key = keys.endpoint(owner, endpoint_id)
        return keys.may_exist(key) and self._table.write(delete(key, THERE))


def _differences(before: Endpoint, after: Endpoint) -> dict[str, Any]:
    """The attributes in which one differs from the other, as it has them."""
    known = before.model_dump(mode="json")
    return {name: value for name, value in after.model_dump(mode="json").items() if value != known[name]}
