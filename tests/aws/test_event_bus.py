import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from character_identity.aws.event_bus import EventBridge
from character_identity.domain.errors import EventNotAccepted
from tests.support.event_fakes import an_event


class Client:
    """Answers PutEvents; records what was put."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.entries: list[Any] = []

    def put_events(self, Entries: list[Any]) -> Any:
        self.entries += Entries
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


TAKEN = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}


def test_an_event_is_put_on_the_default_bus_with_its_owner() -> None:
    client = Client(TAKEN)
    EventBridge(client, "state").publish(an_event())
    (entry,) = client.entries
    assert (entry["Source"], entry["DetailType"]) == ("character-identity", "IdentityReady")
    assert "EventBusName" not in entry
    assert json.loads(entry["Detail"]) == {
        "id": an_event().event_id,
        "type": "IdentityReady",
        "timestamp": "2026-11-22T12:00:00Z",
        "data": {"characterId": "i1", "status": "ready"},
        "owner": "ann",
    }


def test_a_delivery_is_requested_by_id_only() -> None:
    client = Client(TAKEN)
    EventBridge(client, "state").request_delivery("evt_1")
    told = {"Source": "character-identity", "Resources": ["state"]}
    assert client.entries == [{**told, "DetailType": "DeliveryDue", "Detail": '{"id": "evt_1"}'}]


@pytest.mark.parametrize(
    "answer",
    [
        {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow"}]},
        ClientError({"Error": {"Code": "InternalFailure"}}, "PutEvents"),
        EndpointConnectionError(endpoint_url="https://events.test"),
    ],
)
def test_an_event_that_was_not_taken_is_an_error(answer: Any) -> None:
    with pytest.raises(EventNotAccepted, match="IdentityReady"):
        EventBridge(Client(answer), "state").publish(an_event())


def test_the_real_client_takes_what_is_put(aws: None) -> None:
    EventBridge(boto3.client("events"), "state").publish(an_event())
