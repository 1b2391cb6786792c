"""Orders at fal whose answer was lost: found among the account's requests, or proved not to be there."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import httpx
import pytest

from character_identity.domain.errors import (
    NotFound,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.domain.identity import Identity
from character_identity.ports.providers import Found
from character_identity.providers.fal.jobs import FalJobs
from tests.contracts.ours import Ours
from tests.support.builders import an_identity

Kind = Literal["training", "lora", "instant"]
KINDS = pytest.mark.parametrize("kind", ["training", "lora", "instant"])


class Lost:
    """One kind of order, made at fal; ``identity`` is trained where that is needed."""

    def __init__(self, ours: Ours, kind: Kind) -> None:
        self.ours, self.kind = ours, kind
        self.identity: Identity = ours.trained(ours.lora) if kind == "lora" else an_identity()
        ours.simulator.clock.advance(3600)
        self.since = ours.simulator.clock.now()

    @property
    def jobs(self) -> FalJobs:
        lora, instant = self.ours.lora, self.ours.instant
        return {"training": lora.training, "lora": lora.images, "instant": instant.images}[self.kind]

    def order(self, **request: Any) -> Any:
        """Another order of the kind."""
        if self.kind == "training":
            return self.ours.training(self.ours.lora)
        return self.ours.generation(self.identity, **request)

    def lose(self, order: Any, *, accepted: bool = True) -> None:
        """Make an order whose answer does not come."""
        self.ours.simulator.arm("fal.submit", "reply", accepted=accepted, status=504)
        with pytest.raises(ProviderOutcomeUnknown):
            self.jobs.submit(order)

    def find(self, order: Any) -> Found:
        return self.jobs.find(order, self.since)

    def pass_by(self, seconds: float = 60) -> None:
        self.ours.simulator.let_pass(seconds)


@KINDS
def test_an_order_is_found_by_what_only_it_carries(ours: Ours, kind: Kind) -> None:
    lost = Lost(ours, kind)
    order = lost.order(seed=7)
    lost.jobs.submit(lost.order(seed=8))
    lost.lose(order)
    lost.jobs.submit(lost.order(seed=9))
    assert lost.find(order) == Found()
    lost.pass_by()
    (found,) = lost.find(order).certain
    assert found.provider_job_id == ours.simulator.ledger()[-2]["request_id"]
    assert found.result_url and ours.simulator.fal("GET", found.result_url).status_code == 200
    if kind == "lora":  # its link to the weights is signed anew each time
        again = replace(order, weights_link=f"{order.weights_link}?X-Amz-Signature=another")
        assert lost.find(again).certain == (found,)


@KINDS
def test_what_was_never_taken_is_not_there(ours: Ours, kind: Kind) -> None:
    lost = Lost(ours, kind)
    order = lost.order(seed=7)
    lost.lose(order, accepted=False)
    lost.jobs.submit(lost.order(seed=8))
    lost.pass_by()
    assert lost.find(order) == Found()


@KINDS
def test_without_payloads_those_of_its_time_are_possible(ours: Ours, kind: Kind) -> None:
    lost = Lost(ours, kind)
    ours.simulator.change(fal_stores_io=False)
    order = lost.order(seed=7)
    lost.lose(order)
    lost.pass_by()
    lost.pass_by(120)
    lost.jobs.submit(lost.order(seed=8))  # later than the call can have been
    lost.pass_by()
    found = lost.find(order)
    assert (found.certain, found.is_whole) == ((), True)
    assert [handle.provider_job_id for handle in found.possible] == [
        ours.simulator.ledger()[-2]["request_id"]
    ]


@pytest.mark.parametrize(
    ("differs", "is_possible"),
    [
        ({"seed": None}, True),
        ({"seed": None, "prompt": "Somebody else's words"}, False),
        ({"loras": []}, True),
        ({"loras": [], "seed": 8}, False),
        ({"seed": "7"}, False),  # it is certain
        ({"seed": None, "loras": [{"path": "https://elsewhere.test/another.safetensors"}]}, False),
    ],
    ids=str,
)
def test_who_sent_something_else_is_not_us_though_not_all_of_it_is_known(
    ours: Ours, differs: dict[str, Any], is_possible: bool
) -> None:
    lost = Lost(ours, "lora")
    order = lost.order(seed=7)
    sent = {**lost.jobs.body(order), **differs}
    item = {"request_id": "r1", "sent_at": lost.since.isoformat(), "json_input": sent}
    ours.answer("/models/requests/by-endpoint", httpx.Response(200, json={"items": [item], **END}))
    found = lost.find(order)
    assert (len(found.possible), len(found.certain)) == (is_possible, differs == {"seed": "7"})
    assert found.is_whole


def test_an_older_order_of_the_same_words_is_another(ours: Ours) -> None:
    lost = Lost(ours, "lora")
    order = lost.order(seed=7)
    lost.jobs.submit(order)
    lost.pass_by(120)
    lost.since = ours.simulator.clock.now()
    assert lost.find(order) == Found()


def test_a_list_of_many_pages_is_read_to_its_end(ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("character_identity.providers.fal.platform.PAGE_SIZE", 2)
    lost = Lost(ours, "instant")
    orders = [lost.order() for _ in range(5)]
    for order in orders:
        lost.jobs.submit(order)
    lost.pass_by()
    for order in orders:
        assert len(lost.find(order).certain) == 1


def test_a_list_without_an_end_proves_nothing(ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("character_identity.providers.fal.platform.PAGE_SIZE", 1)
    monkeypatch.setattr("character_identity.providers.fal.platform.MAX_PAGES", 2)
    lost = Lost(ours, "instant")
    order = lost.order()
    for _ in range(3):
        lost.jobs.submit(lost.order())
    lost.pass_by()
    with pytest.raises(ProviderUnavailable, match="more than 2 requests"):
        lost.find(order)


def test_a_key_without_the_right_looks_nothing_up(ours: Ours) -> None:
    lost = Lost(ours, "instant")
    ours.simulator.change(fal_key_reads_platform=False)
    with pytest.raises(ProviderUnavailable, match="refused our account"):
        lost.find(lost.order())


ITEM = {"request_id": "r1", "endpoint_id": "fal-ai/instant-character", "sent_at": "2026-11-22T11:00:00Z"}
OTHER = {"image_url": "https://v3.fal.media/other"}
END = {"next_cursor": None, "has_more": False}


@pytest.mark.parametrize(
    ("items", "is_whole"),
    [
        ([], True),
        ([{**ITEM, "json_input": OTHER}], True),
        ([{**ITEM, "json_input": OTHER, "sent_at": None}], True),
        ([{**ITEM, "request_id": 7}], False),
        ([{**ITEM, "request_id": None}], False),
        ([{**ITEM, "request_id": "r1/../r2"}], False),
        ([{**ITEM, "sent_at": "soon"}], False),
        ([{**ITEM, "sent_at": None, "json_input": {}}], False),
        ([{**ITEM, "sent_at": None, "json_input": "text"}], False),
        (["r1"], False),
        ([None], False),
    ],
    ids=str,
)
def test_an_entry_that_is_not_understood_is_perhaps_ours(
    ours: Ours, items: list[Any], is_whole: bool
) -> None:
    lost = Lost(ours, "instant")
    ours.answer("/models/requests/by-endpoint", httpx.Response(200, json={"items": items, **END}))
    found = lost.find(lost.order())
    assert (found.certain, found.possible, found.is_whole) == ((), (), is_whole)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"items": {}}),
        httpx.Response(200, json={"items": []}),
        httpx.Response(200, json={"items": [], "has_more": True}),
        httpx.Response(200, json={"items": [], "has_more": True, "next_cursor": 2}),
        httpx.Response(200, json={"items": [], "has_more": True, "next_cursor": None}),
        httpx.Response(200, json={"items": [], "has_more": "false", "next_cursor": None}),
        httpx.Response(200, text="<html>"),
        httpx.Response(204),
        *(httpx.Response(status, json={}) for status in (400, 401, 402, 403, 404, 422, 429, 500, 503)),
        httpx.ReadTimeout("x"),
    ],
    ids=str,
)
def test_what_is_no_list_proves_nothing(ours: Ours, answer: httpx.Response | Exception) -> None:
    lost = Lost(ours, "instant")
    order = lost.order()
    ours.answer("/models/requests/by-endpoint", answer)
    with pytest.raises(ProviderUnavailable):
        lost.find(order)


def test_an_order_is_absent_when_it_would_be_listed_whatever_it_waited_for(ours: Ours) -> None:
    training, images = ours.lora.training, ours.instant.images
    order = ours.training(ours.lora)
    assert training.absent_after(order) == timedelta(minutes=15 + 10 + 3)
    assert training.absent_after(replace(order, steps=3000)) == timedelta(minutes=15 + 30 + 3)
    assert images.absent_after(ours.generation(an_identity())) == timedelta(minutes=5 + 3 + 3)


@KINDS
def test_every_order_says_by_when_it_must_have_started(ours: Ours, kind: Kind) -> None:
    lost = Lost(ours, kind)
    ours.simulator.change(queue_s=3600)
    handle = lost.jobs.submit(lost.order())
    call = ours.simulator.ledger()[-1]
    assert float(call["headers"]["x-fal-request-timeout"]) == lost.jobs.starts_within.total_seconds()
    lost.pass_by(lost.jobs.starts_within.total_seconds())
    result = ours.simulator.fal("GET", str(handle.result_url))
    assert (result.status_code, ours.simulator.ledger()[-1]["cost_usd"]) == (504, 0)


@KINDS
def test_what_is_erased_is_gone_but_for_what_was_sent(ours: Ours, kind: Kind) -> None:
    lost = Lost(ours, kind)
    before = {file["name"] for file in ours.simulator.files("fal")}
    handle = lost.jobs.submit(lost.order())
    with pytest.raises(NotFound):
        lost.jobs.erase(handle)  # it has not ended
    lost.pass_by()
    for _ in range(2):
        assert lost.jobs.erase(handle)
    after = [file["name"] for file in ours.simulator.files("fal") if file["name"] not in before]
    assert after == [name for name in after if name.startswith("files/u/")]  # uploads


def test_files_that_stay_are_counted(ours: Ours) -> None:
    lost = Lost(ours, "instant")
    ours.simulator.change(fal_keeps_cdn_files=True)
    handle = lost.jobs.submit(lost.order())
    lost.pass_by()
    with pytest.raises(ProviderRejected, match="kept 1 of 1 files"):
        lost.jobs.erase(handle)


@pytest.mark.parametrize(
    ("answer", "is_done"),
    [
        (httpx.Response(200, json={"cdn_delete_results": None}), True),
        (httpx.Response(204), True),
        (httpx.Response(200, json={}), False),
        (httpx.Response(200, json={"error": {"message": "later"}}), False),
        (httpx.Response(200, json={"cdn_delete_results": {}}), False),
        (httpx.Response(200, html="<html>"), False),
        (httpx.Response(400, html="<html>"), False),  # of an ingress: it refuses nothing
        (httpx.Response(405), False),
    ],
    ids=str,
)
def test_a_request_without_files_is_deleted_and_what_is_no_answer_deletes_nothing(
    ours: Ours, answer: httpx.Response, is_done: bool
) -> None:
    lost = Lost(ours, "instant")
    handle = lost.jobs.submit(lost.order())
    ours.answer(f"/models/requests/{handle.provider_job_id}/payloads", answer)
    if is_done:
        assert lost.jobs.erase(handle)
    else:
        with pytest.raises(ProviderUnavailable):
            lost.jobs.erase(handle)
