"""Astria's switches and rarer calls: idempotency, pace, changing a tune, prompts that come with one."""

from typing import Any

import httpx
import pytest

from tests.support.simulators import StandIn, jpeg, portrait, share_of_cloth

URL = "https://files.test/1.jpg"
TEXT = "<lora:788416:1> ohwx woman, close-up, studio"


def order(stand_in: StandIn, **fields: Any) -> httpx.Response:
    wanted = {"text": TEXT, "w": 256, "h": 256, **fields}
    return stand_in.astria("POST", "/tunes/1504944/prompts", json={"prompt": wanted})


def changed(stand_in: StandIn, tune: dict[str, Any], **fields: Any) -> httpx.Response:
    return stand_in.astria("PATCH", f"/tunes/{tune['id']}", json={"tune": fields})


@pytest.mark.parametrize(("idempotency", "tunes"), [(True, 1), (False, 2)])
def test_the_same_title_is_the_same_tune_if_the_account_says_so(
    stand_in: StandIn, idempotency: bool, tunes: int
) -> None:
    stand_in.change(astria_idempotency=idempotency)
    ids = {stand_in.tune(title="chr_1", callback="https://app.test/")["id"] for _ in range(2)}
    assert (len(ids), len(stand_in.ledger())) == (tunes, tunes)
    assert len(stand_in.let_pass(11)) == tunes
    assert stand_in.tune(title="chr")["id"] not in ids


def test_the_same_values_are_the_same_prompt_if_the_account_says_so(stand_in: StandIn) -> None:
    stand_in.change(astria_idempotency=True)
    stand_in.tune()
    first, same, ratio, seed = (
        order(stand_in, **fields).json()["id"]
        for fields in ({"seed": 1}, {"seed": 1}, {"seed": 1, "aspect_ratio": "16:9"}, {"seed": 2})
    )
    assert first == same == ratio != seed
    assert len(stand_in.ledger()) == 3


def test_a_lost_answer_is_made_good_by_idempotency(stand_in: StandIn) -> None:
    stand_in.change(astria_idempotency=True)
    stand_in.publish(URL, jpeg(portrait()))
    stand_in.arm("astria.create_tune", "reply", status=504, accepted=True)
    body = {"tune": {"title": "chr_1", "name": "woman", "image_urls": [URL]}}
    codes = [stand_in.astria("POST", "/tunes", json=body).status_code for _ in range(2)]
    assert (codes, len(stand_in.ledger())) == ([504, 201], 1)


def test_reading_too_fast_is_refused(stand_in: StandIn) -> None:
    stand_in.change(astria_poll_interval_s=5)
    tune, other = stand_in.tune(), stand_in.tune()
    path = f"/tunes/{tune['id']}"
    seen = []
    for passed_s in (0, 4, 1, 5):
        stand_in.clock.advance(passed_s)
        seen.append(stand_in.astria("GET", path).status_code)
    assert seen == [200, 429, 200, 200]
    assert stand_in.astria("GET", f"/tunes/{other['id']}").status_code == 200
    prompt = f"/prompts/{order(stand_in).json()['id']}"
    assert [stand_in.astria("GET", prompt).status_code for _ in range(2)] == [200, 429]


def test_a_tune_can_be_changed(stand_in: StandIn) -> None:
    tune = stand_in.tune()
    reply = changed(stand_in, tune, title="chr_2", name="man")
    assert (reply.status_code, reply.json()) == (200, {**tune, "title": "chr_2", "name": "man"})
    assert order(stand_in).json() == {"text": ["must include `ohwx man`"]}


def test_a_tune_cannot_be_changed_into_anything(stand_in: StandIn) -> None:
    tune = stand_in.tune()
    assert changed(stand_in, tune, name="a_b").json() == {
        "name": ["only English letters, numbers and spaces allowed"]
    }
    assert changed(stand_in, tune, steps=300).json() == {"steps": ["cannot be changed"]}
    assert stand_in.astria("PATCH", "/tunes/5", json={"tune": {"title": "x"}}).status_code == 404
    stand_in.change(strict=False)
    assert changed(stand_in, tune, steps=300, nonsense=1).json() == tune


def test_an_extended_tune_outlives_its_thirty_days(stand_in: StandIn) -> None:
    tune = stand_in.tune()
    assert changed(stand_in, tune, auto_extend=True).status_code == 200
    stand_in.clock.advance(11 + 30 * 24 * 3600)
    seen = stand_in.astria("GET", f"/tunes/{tune['id']}").json()
    assert seen["expires_at"] == "2027-01-21T10:00:11.000Z"


def test_characteristics_fill_the_text(stand_in: StandIn) -> None:
    tune = stand_in.tune()
    order(stand_in, text=f"{TEXT} {{{{coat}}}}")
    changed(stand_in, tune, characteristics={"coat": "in a red coat"})
    order(stand_in, text=f"{TEXT} {{{{coat}}}}")
    order(stand_in, text=f"{TEXT} in a red coat")
    stand_in.clock.advance(14)
    prompts = stand_in.astria("GET", "/prompts").json()
    plain, filled, empty = (stand_in.call("GET", prompt["images"][0]).content for prompt in prompts)
    assert filled == plain != empty


def test_prompts_can_come_with_a_tune(stand_in: StandIn) -> None:
    ordered = [{"text": "ohwx woman, close-up, studio", "w": 256, "h": 256, "lora_scale": 0.8}]
    tune = stand_in.tune(prompts_attributes=ordered)
    [prompt] = tune["prompts"]
    assert (prompt["tune_id"], prompt["images"]) == (tune["id"], [])
    assert [call["cost_usd"] for call in stand_in.ledger()] == [1.5, 0.023]
    stand_in.clock.advance(14)
    [drawn] = stand_in.astria("GET", f"/tunes/{tune['id']}").json()["prompts"]
    assert drawn == stand_in.astria("GET", f"/prompts/{prompt['id']}").json()
    assert share_of_cloth(stand_in.image(drawn["images"][0])) > 0.1


def test_a_tune_and_its_prompts_are_paid_together(stand_in: StandIn) -> None:
    stand_in.change(astria_balance_mc=152_000)
    stand_in.publish(URL, jpeg(portrait()))
    body = {"title": "t", "name": "woman", "base_tune_id": 1504944, "image_urls": [URL]}
    body |= {"prompts_attributes": [{"text": "ohwx woman"}]}
    assert stand_in.astria("POST", "/tunes", json={"tune": body}).status_code == 402
    stand_in.change(astria_no_balance_status=422)
    assert stand_in.astria("POST", "/tunes", json={"tune": body}).status_code == 422
    assert stand_in.ledger() == []


def test_prompts_go_with_a_deleted_checkpoint_only(stand_in: StandIn) -> None:
    stand_in.change(astria_lora_route="accept")
    codes = []
    for model_type in (None, "lora"):
        tune = stand_in.tune(model_type=model_type)
        url = f"/tunes/{tune['id']}/prompts"
        made = stand_in.astria("POST", url, json={"prompt": {"text": "ohwx woman"}}).json()
        stand_in.astria("DELETE", f"/tunes/{tune['id']}")
        codes.append(stand_in.astria("GET", f"/prompts/{made['id']}").status_code)
    assert codes == [404, 200]


def test_prompts_on_an_untrained_tune_can_be_refused(stand_in: StandIn) -> None:
    stand_in.change(astria_untrained="reject")
    stand_in.tune()
    assert order(stand_in).json() == {"text": ["refers to tune 788416, which is not trained yet"]}
    stand_in.clock.advance(11)
    assert order(stand_in).status_code == 201
