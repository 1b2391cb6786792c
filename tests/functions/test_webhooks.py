"""Webhooks from registration to receipt: real events in, real HTTP out to this machine, moto behind."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from threading import Thread
from typing import Any

import pytest

from character_identity import wiring
from character_identity.aws.event_table import put_of
from character_identity.domain.clock import utc_now
from character_identity.domain.event import Event
from character_identity_client.events import IdentityReady
from character_identity_client.webhooks import verify
from tests.support.event_fakes import an_event
from tests.support.handlers import Api, Context, api_event, queued


class Receiver:
    """A caller's server: keeps what it got, and answers what it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield receiver
    receiver.server.shutdown()
    thread.join()
    receiver.server.server_close()


@pytest.fixture(autouse=True)
def _on_one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_MODE", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")  # moto plays AWS


def happened(**changes: Any) -> Event:
    """Store an event of Ann's of just now."""
    event = an_event(settled_at=utc_now() + timedelta(seconds=1), **changes)
    wiring.services().table.transact([put_of(event)])
    return event


def from_bus(detail: dict[str, Any]) -> None:
    """EventBridge puts an event into the queue of the function that sends."""
    event = {"source": "character-identity", "detail-type": "any", "detail": detail}
    answer = import_module("functions.deliver_event.handler").lambda_handler(queued(event), Context())
    assert answer == {"batchItemFailures": []}


def deleted(endpoint_id: str, owner: str) -> int:
    """The status of a deletion, whose answer has no body."""
    event = api_event("DELETE", f"/v1/webhooks/{endpoint_id}", owner=owner)
    answer = import_module("functions.manage_webhook.handler").lambda_handler(event, Context())
    status: int = answer["statusCode"]
    assert status != 204 or answer["body"] == ""
    return status


def registered(api: Api, url: str, owner: str = "ann") -> Any:
    answer = api("create_webhook", "POST", "/v1/webhooks", {"url": url}, owner)
    assert answer.status == 201, answer.body
    return answer.body


def test_the_secret_is_shown_once(api: Api, receiver: Receiver) -> None:
    made = registered(api, receiver.url)
    assert made.keys() >= {"endpointId", "url", "secret", "createdAt"}
    assert made["secret"].startswith("whsec_")
    listed = api("list_webhooks", "GET", "/v1/webhooks")
    assert listed.body == {
        "webhooks": [
            {
                "endpointId": made["endpointId"],
                "url": receiver.url,
                "types": None,
                "createdAt": made["createdAt"],
                "previousSecretsUntil": None,
                "failingSince": None,
                "disabledAt": None,
                "disabledReason": None,
            }
        ]
    }
    assert registered(api, receiver.url)["secret"] != made["secret"]


def test_an_event_reaches_the_receiver_who_can_tell_that_it_is_genuine(api: Api, receiver: Receiver) -> None:
    made = registered(api, receiver.url)
    event = happened()
    from_bus(event.message)
    from_bus(event.message)
    ((headers, body),) = receiver.got
    assert headers["content-type"] == "application/json"
    assert verify(made["secret"], headers, body, datetime.now(UTC)) == IdentityReady(
        id=event.event_id,
        type="IdentityReady",
        timestamp=event.occurred_at,
        data={"characterId": "i1", "status": "ready"},
        character_id="i1",
        status="ready",
    )
    looked = api("get_event", "GET", f"/v1/events/{event.event_id}").body
    assert (looked["type"], looked["data"]) == ("IdentityReady", event.data)
    assert looked["deliveries"] == [
        {
            "endpointId": made["endpointId"],
            "state": "delivered",
            "attempts": 1,
            "nextAttemptAt": None,
            "lastStatus": 204,
            "lastError": None,
        }
    ]


def test_a_replay_brings_the_same_event_again(api: Api, receiver: Receiver) -> None:
    registered(api, receiver.url)
    event = happened()
    from_bus(event.message)
    answer = api("replay_event", "POST", f"/v1/events/{event.event_id}/replay")
    assert (answer.status, answer.headers["Location"]) == (202, f"/v1/events/{event.event_id}")
    assert [(each["state"], each["attempts"]) for each in answer.body["deliveries"]] == [("pending", 0)]
    from_bus({"id": event.event_id})
    (first, first_body), (second, second_body) = receiver.got
    assert first["webhook-id"] == second["webhook-id"] == event.event_id
    assert first_body == second_body


def test_a_receiver_in_trouble_is_told_as_such(api: Api, receiver: Receiver) -> None:
    receiver.status = 503
    registered(api, receiver.url)
    event = happened()
    from_bus(event.message)
    (delivery,) = api("get_event", "GET", f"/v1/events/{event.event_id}").body["deliveries"]
    assert (delivery["state"], delivery["lastStatus"], delivery["attempts"]) == ("pending", 503, 1)
    assert delivery["nextAttemptAt"] is not None


def test_a_receiver_that_wants_no_more_is_shown_as_disabled(api: Api, receiver: Receiver) -> None:
    receiver.status = 410
    registered(api, receiver.url)
    from_bus(happened().message)
    from_bus(happened(identity_id="i2").message)
    (listed,) = api("list_webhooks", "GET", "/v1/webhooks").body["webhooks"]
    assert listed["disabledAt"] is not None
    assert len(receiver.got) == 1


def test_a_deleted_address_hears_nothing_more(api: Api, receiver: Receiver) -> None:
    endpoint_id = registered(api, receiver.url)["endpointId"]
    assert [deleted(endpoint_id, owner) for owner in ("bob", "ann", "ann")] == [404, 204, 404]
    from_bus(happened().message)
    assert receiver.got == []
    assert api("list_webhooks", "GET", "/v1/webhooks").body == {"webhooks": []}


def test_another_owner_sees_and_hears_nothing(api: Api, receiver: Receiver) -> None:
    registered(api, receiver.url, owner="bob")
    event = happened()
    from_bus(event.message)
    assert receiver.got == []
    assert api("list_webhooks", "GET", "/v1/webhooks").body == {"webhooks": []}
    for name, method, path in (
        ("get_event", "GET", f"/v1/events/{event.event_id}"),
        ("replay_event", "POST", f"/v1/events/{event.event_id}/replay"),
    ):
        answer = api(name, method, path, owner="bob")
        unknown = api(name, method, path.replace(event.event_id, "evt_0"), owner="bob")
        assert (answer.status, answer.body["code"]) == (404, "unknown_event")
        assert answer.body == json.loads(json.dumps(unknown.body).replace("evt_0", event.event_id))


def test_a_sixth_address_is_refused(api: Api, receiver: Receiver) -> None:
    for _ in range(5):
        registered(api, receiver.url)
    answer = api("create_webhook", "POST", "/v1/webhooks", {"url": receiver.url})
    assert (answer.status, answer.body["code"]) == (409, "too_many_webhooks")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "https://10.0.0.1/hook"}, "forbidden_host"),
        ({"url": "http://10.0.0.1/hook"}, "forbidden_url"),
        ({"url": "hook"}, "forbidden_url"),
        ({"url": "https://xn--/"}, "forbidden_url"),
        ({"url": "https://xn--zz--.test/"}, "forbidden_url"),
        ({"url": "https://ann.test:0/"}, "forbidden_url"),
        ({"url": "https://ann.test:65536/"}, "forbidden_url"),
        ({"url": "https://bob@ann.test/"}, "forbidden_url"),
        ({"url": "https://ann.test\\@10.0.0.1/"}, "forbidden_url"),
        ({"url": "https://ann.test/a b"}, "forbidden_url"),
        ({"url": "https://2130706433/"}, "forbidden_url"),
        ({"url": "https://[64:ff9b::10.0.0.1]/"}, "forbidden_host"),
        ({"url": ""}, "invalid_body"),
        ({"url": "https://ann.test/" + "x" * 2048}, "invalid_body"),
        ({"url": "https://ann.test/", "secret": "mine"}, "invalid_body"),
    ],
)
def test_an_address_that_cannot_be_posted_to_is_refused(api: Api, body: Any, code: str) -> None:
    answer = api("create_webhook", "POST", "/v1/webhooks", body)
    assert (answer.status, answer.body["code"]) == (400, code)


def test_in_the_cloud_no_address_of_the_machine_is_posted_to(
    api: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also not to one that was registered when that was allowed."""
    registered(api, receiver.url)
    monkeypatch.setenv("LOCAL_MODE", "false")
    wiring.services.cache_clear()
    event = happened()
    from_bus(event.message)
    assert receiver.got == []
    (delivery,) = api("get_event", "GET", f"/v1/events/{event.event_id}").body["deliveries"]
    assert (delivery["state"], delivery["lastError"]) == ("pending", "forbidden_url")
    answer = api("create_webhook", "POST", "/v1/webhooks", {"url": receiver.url})
    assert (answer.status, answer.body["code"]) == (400, "forbidden_url")
