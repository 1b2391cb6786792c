"""Paid results whose host sends us on to plain http: never fetched in the clear, and not given up at once."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from character_identity.outbound import guard
from tests.support.http import PUBLIC
from tests.support.in_process.harness import Harness, harness

TO_PLAIN_HTTP = {"status": 302, "headers": {"Location": "http://v3.fal.media/lost"}}
"""Where the simulators have nothing, over TLS either."""


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    with harness(monkeypatch) as ready:
        look_up = guard.look_up
        monkeypatch.setattr(
            guard,
            "look_up",
            lambda host, port: [PUBLIC] if host == "v3.fal.media" else look_up(host, port),
        )
        yield ready


def _identity(inside: Harness, provider: str, references: int) -> str:
    given = inside.uploads(5)[:references]
    order = {"name": "Sarah", "provider": provider, "className": "woman", "references": given}
    return str(inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"])


def test_weights_are_fetched_as_soon_as_their_host_has_them_over_tls(inside: Harness) -> None:
    inside.simulator.arm("fal.media", "reply", path="safetensors", times=20, **TO_PLAIN_HTTP)
    identity_id = _identity(inside, "fal-lora", 5)
    inside.run()
    assert inside.call("get_identity", "GET", f"/v1/identities/{identity_id}").body["status"] == "ready"
    assert (len(inside.paid()), inside.simulator.state.faults.armed) == (1, [])


@pytest.mark.parametrize("times", [8, 1_000])
def test_a_picture_is_asked_for_as_weights_are_for_six_hours(inside: Harness, times: int) -> None:
    path = f"/v1/identities/{_identity(inside, 'fal-instant', 1)}/generations"
    inside.simulator.arm("fal.media", "reply", path="picture", times=times, **TO_PLAIN_HTTP)
    order = {"prompt": "Sarah runs"}
    generation_id = inside.call("create_generation", "POST", path, order).body["generationId"]
    inside.run(timedelta(hours=9))
    body = inside.call("get_generation", "GET", f"/v1/generations/{generation_id}").body
    if times == 8:  # five minutes
        assert body["status"] == "succeeded"
    else:
        assert (body["status"], body["error"]["code"]) == ("failed", "no_image")
        assert "v3.fal.media is named with plain http" in body["error"]["message"]
    assert len(inside.paid()) == 1
    assert inside.open_work() == []
