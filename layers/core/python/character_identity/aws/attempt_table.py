"""Requests to callers' webhooks in DynamoDB, so that their owners see what became of each."""

from datetime import timedelta

from character_identity.aws import keys
from character_identity.aws.pages import read_page
from character_identity.aws.table import Table
from character_identity.aws.writes import put
from character_identity.domain.page import Page, Window
from character_identity.domain.webhook import Attempt

KEPT = timedelta(days=7)


class AttemptTable:
    """One item each, for a week; the index lists an endpoint's by time."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, attempt: Attempt) -> None:
        listed = keys.listed(keys.attempts_at(attempt.endpoint_id), attempt.at)
        expires_at = int((attempt.at + KEPT).timestamp())
        key = keys.attempt(attempt.attempt_id)
        self._table.write(put({**key, **listed, **attempt.model_dump(mode="json"), "expires_at": expires_at}))

    def of_endpoint(self, endpoint_id: str, window: Window) -> Page[Attempt]:
        listed = keys.attempts_at(endpoint_id)
        return read_page(self._table, listed, window, keys.attempt, Attempt.model_validate)
