"""What an owner does with a webhook: test it, choose events, replace the secret, see what was posted."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import boto3
import pytest

from character_identity import wiring
from character_identity.domain.clock import utc_now
from character_identity.domain.webhook import MOST_SECRETS, RETIRED_FOR, Attempt
from character_identity.ports.gateways import WebhookSender
from character_identity_client.webhooks import NotGenuine, verify
from tests.functions.test_webhooks import from_bus, happened
from tests.support.builders import NOON
from tests.support.event_fakes import FakeReceivers, Posted
from tests.support.fakes import Clock
from tests.support.handlers import Answer, Api

URL = "https://93.184.215.14/hook"
HOOKS = "/v1/webhooks"


@pytest.fixture
def clock() -> Clock:
    return Clock(utc_now())


@pytest.fixture
def receivers(api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeReceivers]:
    """Whoever is posted to; the clock is the test's."""
    monkeypatch.setenv("REQUESTS_PER_MINUTE", "100")
    wiring.services.cache_clear()
    services, receivers = wiring.services(), FakeReceivers()
    services.now = clock
    sender: WebhookSender = receivers
    vars(services.deliveries)["_sender"] = sender
    yield receivers
    wiring.services.cache_clear()


def registered(api: Api, **body: Any) -> str:
    made = api("create_webhook", "POST", HOOKS, {"url": URL, **body})
    assert made.status == 201, made.body
    return str(made.body["endpointId"])


def changed(api: Api, endpoint_id: str, **body: Any) -> Answer:
    return api("manage_webhook", "PATCH", f"{HOOKS}/{endpoint_id}", body)


def asked(api: Api, endpoint_id: str, what: str, owner: str = "ann") -> Answer:
    return api("manage_webhook", "POST", f"{HOOKS}/{endpoint_id}/{what}", owner=owner)


def posted_to(api: Api, endpoint_id: str, owner: str = "ann", **query: str) -> Answer:
    path = f"{HOOKS}/{endpoint_id}/deliveries"
    return api("manage_webhook", "GET", path, owner=owner, query=query)


def test_only_events_of_the_chosen_types_are_posted(api: Api, receivers: FakeReceivers, clock: Clock) -> None:
    endpoint_id = registered(api, types=["IdentityFailed"])
    from_bus(happened().message)
    assert receivers.posted == []
    assert changed(api, endpoint_id, types=["IdentityReady", "IdentityFailed"]).body["types"] == [
        "IdentityReady",
        "IdentityFailed",
    ]
    from_bus(happened(identity_id="i2").message)
    assert len(receivers.posted) == 1
    assert changed(api, endpoint_id, types=None).body["types"] is None
    from_bus(happened(identity_id="i3").message)
    assert len(receivers.posted) == 2


@pytest.mark.parametrize(
    "body", [{}, {"types": []}, {"types": ["Anything"]}, {"disabled": None}, {"url": URL}, {"types": "all"}]
)
def test_a_change_that_is_none_is_refused(api: Api, receivers: FakeReceivers, body: Any) -> None:
    endpoint_id = registered(api)
    answer = changed(api, endpoint_id, **body)
    assert (answer.status, answer.body["code"]) == (400, "invalid_body")


def test_a_test_event_goes_to_this_address_only_and_is_told_of(api: Api, receivers: FakeReceivers) -> None:
    endpoint_id = registered(api, types=["IdentityFailed"])
    registered(api)
    answer = asked(api, endpoint_id, "test")
    event_id = answer.body["eventId"]
    assert (answer.status, answer.headers["Location"]) == (202, f"/v1/events/{event_id}")
    assert (answer.body["type"], answer.body["data"]) == ("WebhookTest", {"endpointId": endpoint_id})
    from_bus({"id": event_id})
    from_bus({"id": event_id})
    (posted,) = receivers.posted
    assert posted.headers["webhook-id"] == event_id
    [listed] = posted_to(api, endpoint_id).body["deliveries"]
    assert listed.pop("at") is not None
    assert listed == {
        "eventId": event_id,
        "type": "WebhookTest",
        "attempt": 1,
        "status": 200,
        "error": None,
        "state": "delivered",
    }
    assert asked(api, endpoint_id, "test").body["eventId"] == event_id, "the same moment"


def genuine(posted: Posted, secret: str, clock: Clock) -> bool:
    try:
        verify(secret, posted.headers, posted.body, clock())
    except NotGenuine:
        return False
    return True


def test_while_a_secret_is_replaced_every_request_is_genuine_by_the_old_and_the_new(
    api: Api, receivers: FakeReceivers, clock: Clock
) -> None:
    endpoint_id = registered(api)
    secrets = [wiring.services().endpoints.get("ann", endpoint_id).secret]

    def post() -> Posted:
        from_bus({"id": asked(api, endpoint_id, "test").body["eventId"]})
        return receivers.posted[-1]

    for _ in range(2):
        clock.pass_by(hours=1)
        answer = asked(api, endpoint_id, "rotate-secret")
        assert (answer.status, answer.body["endpointId"]) == (200, endpoint_id)
        secrets.append(answer.body["secret"])
        for secret in secrets:
            assert genuine(post(), secret, clock)
        clock.pass_by(seconds=1)
    assert "secret" not in api("list_webhooks", "GET", HOOKS).body["webhooks"][0]
    clock.pass_by(hours=23)
    assert [genuine(post(), secret, clock) for secret in secrets] == [False, True, True]
    clock.time += RETIRED_FOR
    assert [genuine(post(), secret, clock) for secret in secrets] == [False, False, True]


def test_as_many_secrets_sign_as_the_header_is_to_hold(api: Api, receivers: FakeReceivers) -> None:
    endpoint_id = registered(api)
    codes = [asked(api, endpoint_id, "rotate-secret").status for _ in range(MOST_SECRETS)]
    assert codes == [200] * (MOST_SECRETS - 1) + [409]
    assert asked(api, endpoint_id, "rotate-secret").body["code"] == "too_many_secrets"


def test_two_who_replace_it_at_once_do_not_lose_a_secret(api: Api, receivers: FakeReceivers) -> None:
    endpoint_id = registered(api)
    endpoints = wiring.services().endpoints
    read = endpoints.get("ann", endpoint_id)
    assert asked(api, endpoint_id, "rotate-secret").status == 200
    assert not wiring.services().endpoint_table.change(read, read.rotated("whsec_AAAA", NOON))


def test_a_disabled_one_is_enabled_and_hears_of_what_happens_then(
    api: Api, receivers: FakeReceivers, clock: Clock
) -> None:
    receivers.answers = [410]
    endpoint_id = registered(api)
    event = happened()
    from_bus(event.message)
    (listed,) = api("list_webhooks", "GET", HOOKS).body["webhooks"]
    assert listed["disabledReason"] == "declined"
    refused = (
        asked(api, endpoint_id, "test"),
        api("replay_event", "POST", f"/v1/events/{event.event_id}/replay", query={"endpointId": endpoint_id}),
    )
    assert [(each.status, each.body["code"]) for each in refused] == [(409, "webhook_disabled")] * 2
    clock.pass_by(minutes=5)
    for _ in range(2):
        body = changed(api, endpoint_id, disabled=False).body
        assert (body["disabledAt"], body["disabledReason"], body["failingSince"]) == (None, None, None)
    from_bus({"id": event.event_id})
    assert len(receivers.posted) == 1, "what it missed is not sent by itself"
    later = wiring.services().endpoints.get("ann", endpoint_id)
    assert later.enabled_at is not None
    assert later.hears_of(event.model_copy(update={"occurred_at": later.enabled_at}))


def test_a_paused_one_is_posted_nothing(api: Api, receivers: FakeReceivers) -> None:
    endpoint_id = registered(api)
    first = changed(api, endpoint_id, disabled=True).body
    assert first["disabledReason"] == "paused"
    assert changed(api, endpoint_id, disabled=True).body == first
    from_bus(happened().message)
    assert receivers.posted == []


@pytest.mark.parametrize("said", ["no", "true", "0", 1, 0, 1.0, None])
def test_whether_it_is_disabled_is_true_or_false(api: Api, said: Any) -> None:
    """As the document says: a text that is meant for false must not pause, nor one for true enable."""
    endpoint_id = registered(api)
    refused = changed(api, endpoint_id, disabled=said)
    assert (refused.status, refused.body["code"]) == (400, "invalid_body")
    assert [each["field"] for each in refused.body["details"]] == ["disabled"]


def test_one_event_is_sent_again_to_one_address(api: Api, receivers: FakeReceivers) -> None:
    endpoint_id, other = registered(api, types=["IdentityFailed"]), registered(api)
    event = happened()
    from_bus(event.message)
    assert len(receivers.posted) == 1
    path = f"/v1/events/{event.event_id}/replay"
    answer = api("replay_event", "POST", path, query={"endpointId": endpoint_id})
    assert answer.status == 202
    assert {each["endpointId"]: each["state"] for each in answer.body["deliveries"]} == {
        endpoint_id: "pending",
        other: "delivered",
    }
    from_bus({"id": event.event_id})
    assert len(receivers.posted) == 2
    api("replay_event", "POST", path)
    from_bus({"id": event.event_id})
    assert len(receivers.posted) == 3, "to those that want it"


def test_what_was_posted_is_listed_for_a_week_page_by_page(api: Api, receivers: FakeReceivers) -> None:
    endpoint_id = registered(api)
    attempts = wiring.services().attempt_table
    for number in range(1, 8):
        at = NOON + timedelta(minutes=number)
        made = Attempt(
            endpoint_id=endpoint_id,
            event_id="evt_1",
            type="IdentityReady" if number % 2 else "IdentityFailed",
            number=number,
            at=at,
            status=503,
            state="pending",
        )
        attempts.add(made)
        attempts.add(made)
    first = posted_to(api, endpoint_id, limit="4").body
    rest = posted_to(api, endpoint_id, limit="4", cursor=first["nextCursor"]).body
    listed = [each["attempt"] for page in (first, rest) for each in page["deliveries"]]
    assert listed == [7, 6, 5, 4, 3, 2, 1]
    assert [
        each["attempt"] for each in posted_to(api, endpoint_id, type="IdentityFailed").body["deliveries"]
    ] == [
        6,
        4,
        2,
    ]
    foreign = posted_to(api, endpoint_id, type="IdentityReady", cursor=first["nextCursor"])
    assert (foreign.status, foreign.body["code"]) == (400, "invalid_cursor")
    rows = boto3.client("dynamodb").scan(TableName="state")["Items"]
    kept = [int(row["expires_at"]["N"]) for row in rows if row["pk"]["S"].startswith("ATTEMPT#")]
    assert min(kept) == int((NOON + timedelta(days=7, minutes=1)).timestamp())
    assert all(earlier != later for earlier, later in pairwise(sorted(kept)))


OF_ANNS: dict[str, Callable[[Api, str], Answer]] = {
    "PATCH": lambda api, it: api("manage_webhook", "PATCH", f"{HOOKS}/{it}", {"types": None}, "bob"),
    "test": lambda api, it: asked(api, it, "test", "bob"),
    "rotate-secret": lambda api, it: asked(api, it, "rotate-secret", "bob"),
    "deliveries": lambda api, it: posted_to(api, it, "bob"),
}


@pytest.mark.parametrize("call", OF_ANNS.values(), ids=OF_ANNS)
def test_anothers_webhook_answers_exactly_like_an_unknown_one(
    api: Api, receivers: FakeReceivers, call: Callable[[Api, str], Answer]
) -> None:
    endpoint_id = registered(api)
    before = wiring.services().endpoints.get("ann", endpoint_id)
    answer = call(api, endpoint_id)
    assert (answer.status, answer.body["code"]) == (404, "unknown_webhook")
    assert answer.body["message"] == f"There is no webhook {endpoint_id!r}."
    assert wiring.services().endpoints.get("ann", endpoint_id) == before
    event = happened()
    path = f"/v1/events/{event.event_id}/replay"
    unknown = api("replay_event", "POST", path, query={"endpointId": "nobodys"})
    assert (unknown.status, unknown.body["code"]) == (404, "unknown_webhook")
