"""What a caller gets who asks again and again: tags, and how many requests are left."""

from datetime import timedelta
from typing import Any

import pytest

from character_identity import wiring
from character_identity.domain.event import Event
from character_identity.domain.generation import GeneratedImage
from tests.support.builders import (
    NO_LIMIT,
    NOON,
    a_generation,
    a_generation_job,
    a_training_identity,
    an_identity,
)
from tests.support.fakes import Clock
from tests.support.handlers import Answer, Api

ONE, DRAWN = "/v1/identities/i1", "/v1/generations/g1"
LIMIT = 1_000_000_000


@pytest.fixture(autouse=True)
def clock(api: Api) -> Clock:
    """It is noon."""
    wiring.services().now = clock = Clock()
    return clock


def poll(api: Api, path: str, tag: str | None = None, owner: str = "ann") -> Answer:
    function = "get_identity" if path == ONE else "get_generation"
    headers = {} if tag is None else {"if-none-match": tag}
    return api(function, "GET", path, headers=headers, owner=owner)


def stored() -> None:
    services = wiring.services()
    services.identity_table.add(an_identity(settled_at=NOON))
    image = GeneratedImage(index=1, outcome="succeeded", key="generations/i1/g1/01.jpg")
    drawn = a_generation(status="succeeded", images=[image], settled_at=NOON)
    services.generation_table.add(drawn, a_generation_job(), LIMIT, NO_LIMIT)


@pytest.mark.parametrize("path", [ONE, DRAWN])
def test_what_is_as_it_was_is_not_sent_again(api: Api, path: str) -> None:
    stored()
    first = poll(api, path)
    tag = first.headers["ETag"]
    assert (first.status, tag[:3]) == (200, 'W/"')
    for known in (tag, tag.removeprefix("W/"), f'"another", {tag}', "*"):
        again = poll(api, path, known)
        assert (again.status, again.body, again.headers["ETag"]) == (304, None, tag)
    for unknown in ('"another"', "", tag[:-2] + '"', "," * 2_000 + tag):
        assert poll(api, path, unknown).status == 200
    assert poll(api, path, tag, owner="bob").status == 404


def test_a_change_has_another_tag(api: Api) -> None:
    services = wiring.services()
    training = a_training_identity()
    services.identity_table.add(training)
    tags = [poll(api, ONE).headers["ETag"]]
    services.identity_table.advance("i1", "training", 30)
    tags.append(poll(api, ONE).headers["ETag"])
    settled = training.model_copy(update={"status": "ready", "phase": "ready", "settled_at": NOON})
    services.identity_table.settle(settled, Event.of_identity(settled))
    tags.append(poll(api, ONE).headers["ETag"])
    assert len({*tags}) == 3
    assert poll(api, ONE, tags[1]).status == 200


def test_a_tag_ends_with_the_links_and_not_with_who_signed_them(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sandbox has credentials of its own; a link that ends has to be sent again."""
    stored()
    tag = poll(api, DRAWN).headers["ETag"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ANOTHER")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "another")
    wiring.services.cache_clear()
    wiring.services().now = clock
    assert poll(api, DRAWN, tag).status == 304
    clock.pass_by(hours=6)
    assert poll(api, DRAWN, tag).status == 200


def test_each_answer_says_how_many_requests_are_left(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READS_PER_MINUTE", "12")
    monkeypatch.setenv("REQUESTS_PER_MINUTE", "2")
    wiring.services.cache_clear()
    wiring.services().now = Clock(NOON + timedelta(seconds=17.5))
    stored()
    said = [poll(api, ONE).headers for _ in range(2)]
    assert [each["RateLimit"] for each in said] == ['"reads";r=11;t=43', '"reads";r=10;t=43']
    assert {each["RateLimit-Policy"] for each in said} == {'"reads";q=12;w=60'}

    def rename() -> Answer:
        return api("rename_identity", "PATCH", ONE, {"name": "Eve"})

    assert [rename().headers["RateLimit"] for _ in range(2)] == ['"orders";r=1;t=43', '"orders";r=0;t=43']
    refused = rename()
    assert (refused.status, refused.headers["Retry-After"]) == (429, "43")
    assert refused.headers["RateLimit"] == '"orders";r=0;t=43'
    assert poll(api, "/v1/generations/nobodys").headers["RateLimit"] == '"reads";r=9;t=43'


def test_the_first_clients_door_is_as_it_was(api: Api) -> None:
    stored()
    answer: Any = api(
        "proxy_fal_lora_status", "GET", "/api/fal-lora-status-proxy", query={"request_id": "i0"}
    )
    assert not {"RateLimit", "ETag"} & answer.headers.keys()
    assert answer.headers["Content-Type"] == "application/json"
