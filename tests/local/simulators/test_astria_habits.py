"""Astria's switches and rarer calls: idempotency, pace, changing a tune, prompts that come with one."""

from typing import Any

import httpx
import pytest

from tests.support.simulators import Simulation, jpeg, portrait, share_of_cloth

URL = "https://files.test/1.jpg"
TEXT = "<lora:788416:1> ohwx woman, close-up, studio"


def order(simulator: Simulation, **fields: Any) -> httpx.Response:
    wanted = {"text": TEXT, "w": 256, "h": 256, **fields}
    return simulator.astria("POST", "/tunes/1504944/prompts", json={"prompt": wanted})


def changed(simulator: Simulation, tune: dict[str, Any], **fields: Any) -> httpx.Response:
    return simulator.astria("PATCH", f"/tunes/{tune['id']}", json={"tune": fields})


@pytest.mark.parametrize(("idempotency", "tunes"), [(True, 1), (False, 2)])
def test_the_same_title_is_the_same_tune_if_the_account_says_so(
    simulator: Simulation, idempotency: bool, tunes: int
) -> None:
    simulator.change(astria_idempotency=idempotency)
    ids = {simulator.tune(title="chr_1", callback="https://app.test/")["id"] for _ in range(2)}
    assert (len(ids), len(simulator.ledger())) == (tunes, tunes)
    assert len(simulator.let_pass(11)) == tunes
    assert simulator.tune(title="chr")["id"] not in ids


def test_the_same_values_are_the_same_prompt_if_the_account_says_so(simulator: Simulation) -> None:
    simulator.change(astria_idempotency=True)
    simulator.tune()
    first, same, ratio, seed = (
        order(simulator, **fields).json()["id"]
        for fields in ({"seed": 1}, {"seed": 1}, {"seed": 1, "aspect_ratio": "16:9"}, {"seed": 2})
    )
    assert first == same == ratio != seed
    assert len(simulator.ledger()) == 3


def test_a_lost_answer_is_made_good_by_idempotency(simulator: Simulation) -> None:
    simulator.change(astria_idempotency=True)
    simulator.publish(URL, jpeg(portrait()))
    simulator.arm("astria.create_tune", "reply", status=504, accepted=True)
    body = {"tune": {"title": "chr_1", "name": "woman", "image_urls": [URL]}}
    codes = [simulator.astria("POST", "/tunes", json=body).status_code for _ in range(2)]
    assert (codes, len(simulator.ledger())) == ([504, 201], 1)


def test_reading_too_fast_is_refused(simulator: Simulation) -> None:
    simulator.change(astria_poll_interval_s=5)
    tune, other = simulator.tune(), simulator.tune()
    path = f"/tunes/{tune['id']}"
    seen = []
    for passed_s in (0, 4, 1, 5):
        simulator.clock.advance(passed_s)
        seen.append(simulator.astria("GET", path).status_code)
    assert seen == [200, 429, 200, 200]
    assert simulator.astria("GET", f"/tunes/{other['id']}").status_code == 200
    prompt = f"/prompts/{order(simulator).json()['id']}"
    assert [simulator.astria("GET", prompt).status_code for _ in range(2)] == [200, 429]


def test_a_tune_can_be_changed(simulator: Simulation) -> None:
    tune = simulator.tune()
    reply = changed(simulator, tune, title="chr_2", name="man")
    assert (reply.status_code, reply.json()) == (200, {**tune, "title": "chr_2", "name": "man"})
    assert order(simulator).json() == {"text": ["must include `ohwx man`"]}


def test_a_tune_cannot_be_changed_into_anything(simulator: Simulation) -> None:
    tune = simulator.tune()
    assert changed(simulator, tune, name="a_b").json() == {
        "name": ["only English letters, numbers and spaces allowed"]
    }
    assert changed(simulator, tune, steps=300).json() == {"steps": ["cannot be changed"]}
    assert simulator.astria("PATCH", "/tunes/5", json={"tune": {"title": "x"}}).status_code == 404
    simulator.change(strict=False)
    assert changed(simulator, tune, steps=300, nonsense=1).json() == tune


def test_an_extended_tune_outlives_its_thirty_days(simulator: Simulation) -> None:
    tune = simulator.tune()
    assert changed(simulator, tune, auto_extend=True).status_code == 200
    simulator.clock.advance(11 + 30 * 24 * 3600)
    seen = simulator.astria("GET", f"/tunes/{tune['id']}").json()
    assert seen["expires_at"] == "2027-01-21T10:00:11.000Z"


def test_characteristics_fill_the_text(simulator: Simulation) -> None:
    tune = simulator.tune()
    order(simulator, text=f"{TEXT} {{{{coat}}}}")
    changed(simulator, tune, characteristics={"coat": "in a red coat"})
    order(simulator, text=f"{TEXT} {{{{coat}}}}")
    order(simulator, text=f"{TEXT} in a red coat")
    simulator.clock.advance(14)
    prompts = simulator.astria("GET", "/prompts").json()
    plain, filled, empty = (simulator.call("GET", prompt["images"][0]).content for prompt in prompts)
    assert filled == plain != empty


def test_prompts_can_come_with_a_tune(simulator: Simulation) -> None:
    ordered = [{"text": "ohwx woman, close-up, studio", "w": 256, "h": 256, "lora_scale": 0.8}]
    tune = simulator.tune(prompts_attributes=ordered)
    [prompt] = tune["prompts"]
    assert (prompt["tune_id"], prompt["images"]) == (tune["id"], [])
    assert [call["cost_usd"] for call in simulator.ledger()] == [1.5, 0.023]
    simulator.clock.advance(14)
    [shown] = simulator.astria("GET", f"/tunes/{tune['id']}").json()["prompts"]
    assert shown == simulator.astria("GET", f"/prompts/{prompt['id']}").json()
    assert share_of_cloth(simulator.image(shown["images"][0])) > 0.1


def test_a_tune_and_its_prompts_are_paid_together(simulator: Simulation) -> None:
    simulator.change(astria_balance_mc=152_000)
    simulator.publish(URL, jpeg(portrait()))
    body = {"title": "t", "name": "woman", "base_tune_id": 1504944, "image_urls": [URL]}
    body |= {"prompts_attributes": [{"text": "ohwx woman"}]}
    assert simulator.astria("POST", "/tunes", json={"tune": body}).status_code == 402
    simulator.change(astria_no_balance_status=422)
    assert simulator.astria("POST", "/tunes", json={"tune": body}).status_code == 422
    assert simulator.ledger() == []


def test_prompts_go_with_a_deleted_checkpoint_only(simulator: Simulation) -> None:
    simulator.change(astria_lora_route="accept")
    codes = []
    for model_type in (None, "lora"):
        tune = simulator.tune(model_type=model_type)
        url = f"/tunes/{tune['id']}/prompts"
        made = simulator.astria("POST", url, json={"prompt": {"text": "ohwx woman"}}).json()
        simulator.astria("DELETE", f"/tunes/{tune['id']}")
        codes.append(simulator.astria("GET", f"/prompts/{made['id']}").status_code)
    assert codes == [404, 200]


def test_prompts_on_an_untrained_tune_can_be_refused(simulator: Simulation) -> None:
    simulator.change(astria_untrained="reject")
    simulator.tune()
    assert order(simulator).json() == {"text": ["refers to tune 788416, which is not trained yet"]}
    simulator.clock.advance(11)
    assert order(simulator).status_code == 201
