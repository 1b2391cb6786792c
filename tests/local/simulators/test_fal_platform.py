"""The account's requests, their deletion, prices and usage."""

from typing import Any

import httpx
import pytest

from tests.support.simulators import FAL_ADMIN_KEY, PLATFORM, Simulation, jpeg, portrait

FLUX = "fal-ai/flux/dev"
LIST = f"{PLATFORM}/models/requests/by-endpoint"
IMAGE = {"prompt": "a cat", "image_size": {"width": 64, "height": 64}, "seed": 7}


def order(simulator: Simulation, **fields: Any) -> str:
    return str(simulator.submit(FLUX, {**IMAGE, **fields})["request_id"])


def listed(simulator: Simulation, **asked: Any) -> list[dict[str, Any]]:
    reply = simulator.fal("GET", LIST, params={"endpoint_id": FLUX, **asked})
    assert reply.status_code == 200, reply.text
    return list(reply.json()["items"])


def delete(simulator: Simulation, request_id: str, **headers: str) -> httpx.Response:
    url = f"{PLATFORM}/models/requests/{request_id}/payloads"
    return simulator.call("DELETE", url, headers={**FAL_ADMIN_KEY, **headers})


def test_a_request_is_listed_when_it_has_ended_and_a_little_later(simulator: Simulation) -> None:
    request_id = order(simulator)
    for passed_s, count in ((2, 0), (2, 0), (1, 1)):
        simulator.clock.advance(passed_s)
        assert len(listed(simulator)) == count
    assert listed(simulator, expand="payloads")[0] | {"json_output": None} == {
        "request_id": request_id,
        "endpoint_id": FLUX,
        "sent_at": "2026-11-22T10:00:00.000Z",
        "started_at": "2026-11-22T10:00:01.000Z",
        "ended_at": "2026-11-22T10:00:03.000Z",
        "status_code": 200,
        "duration": 2.0,
        "json_input": IMAGE,
        "json_output": None,
    }


def test_requests_that_wait_or_run_are_listed_if_the_setting_says_so(simulator: Simulation) -> None:
    simulator.change(fal_lists_unfinished=True, fal_list_lag_s=0)
    order(simulator)
    for passed_s in (0, 1):
        simulator.clock.advance(passed_s)
        (item,) = listed(simulator)
        assert "ended_at" not in item


def test_a_request_that_did_not_start_in_time_was_dropped_unpaid(simulator: Simulation) -> None:
    simulator.change(queue_s=60)
    headers = {"X-Fal-Request-Timeout": "30"}
    simulator.fal("POST", f"http://simulator/fal/queue/{FLUX}", json=IMAGE, headers=headers)
    simulator.clock.advance(33)
    (item,) = listed(simulator)
    assert (item["status_code"], item["ended_at"]) == (504, "2026-11-22T10:00:30.000Z")
    assert [call["cost_usd"] for call in simulator.ledger()] == [0]


def test_a_request_that_was_cancelled_before_it_started_made_no_files(simulator: Simulation) -> None:
    job = simulator.submit(FLUX, IMAGE)
    simulator.let_pass(0)
    assert simulator.fal("PUT", job["cancel_url"]).status_code == 202
    assert simulator.files("fal") == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, 2),
        ({"endpoint_id": f"{FLUX},fal-ai/flux-lora"}, 2),
        ({"endpoint_id": "fal-ai/flux-lora"}, 0),
        ({"status": "success"}, 1),
        ({"status": "user_error"}, 1),
        ({"status": "error"}, 0),
        ({"start": "2026-11-22T10:00:03Z"}, 2),
        ({"start": "2026-11-22T10:00:04Z"}, 0),
        ({"end": "2026-11-22T10:00:03Z"}, 0),
        ({"request_id": "00000000-0000-4000-8000-000000000001"}, 1),
    ],
)
def test_what_is_asked_for_is_listed(simulator: Simulation, asked: dict[str, str], found: int) -> None:
    order(simulator)
    order(simulator, image_size="1:1")
    simulator.clock.advance(60)
    assert len(listed(simulator, **asked)) == found


def test_it_comes_in_pages(simulator: Simulation) -> None:
    ids = [order(simulator) for _ in range(5)]
    simulator.clock.advance(60)
    seen, cursor = [], None
    while True:
        asked = {"endpoint_id": FLUX, "limit": "2", **({"cursor": cursor} if cursor else {})}
        page = simulator.fal("GET", LIST, params=asked).json()
        seen += [item["request_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
        if cursor is None:
            break
    assert sorted(seen) == sorted(ids)


@pytest.mark.parametrize(
    "asked",
    [
        {"endpoint_id": ""},
        {"limit": "0"},
        {"limit": "101"},
        {"cursor": "?"},
        {"start": "yesterday"},
        {"status": "well"},
        {"colour": "red"},
        {"endpoint_id": ",".join(["fal-ai/flux/dev"] * 51)},
    ],
    ids=str,
)
def test_what_it_does_not_understand_it_refuses(simulator: Simulation, asked: dict[str, str]) -> None:
    order(simulator)
    simulator.clock.advance(60)
    assert simulator.fal("GET", LIST, params={"endpoint_id": FLUX, **asked}).status_code == 422


@pytest.mark.parametrize("how", ["by the account", "by the request"])
def test_payloads_need_not_be_kept(simulator: Simulation, how: str) -> None:
    if how == "by the account":
        simulator.change(fal_stores_io=False)
    headers = {"X-Fal-Store-IO": "0"} if how == "by the request" else {}
    simulator.fal("POST", f"http://simulator/fal/queue/{FLUX}", json=IMAGE, headers=headers)
    simulator.clock.advance(60)
    (item,) = listed(simulator, expand="payloads")
    assert "json_input" not in item and "json_output" not in item


def test_payloads_and_output_files_are_deleted_and_input_files_are_not(simulator: Simulation) -> None:
    wanted = {"content_type": "image/jpeg", "file_name": "1.jpg"}
    urls = simulator.fal("POST", "http://simulator/fal/rest/storage/upload/initiate", json=wanted).json()
    simulator.call(
        "PUT", urls["upload_url"], content=jpeg(portrait()), headers={"content-type": "image/jpeg"}
    )
    body = {**IMAGE, "image_url": urls["file_url"]}
    request_id = simulator.submit("fal-ai/instant-character", body)["request_id"]
    simulator.let_pass(60)
    assert len(simulator.files("fal")) == 2
    (result,) = delete(simulator, request_id).json()["cdn_delete_results"]
    assert result["exception"] is None
    assert [file["name"].rpartition("/")[2] for file in simulator.files("fal")] == ["1.jpg"]
    (item,) = listed(simulator, endpoint_id="fal-ai/instant-character", expand="payloads")
    assert "json_input" not in item


def test_an_answer_to_a_deletion_is_kept_by_its_key_for_ten_minutes(simulator: Simulation) -> None:
    request_id = order(simulator)
    simulator.let_pass(60)
    first = delete(simulator, request_id, **{"Idempotency-Key": "k"}).json()
    assert len(first["cdn_delete_results"]) == 1
    assert delete(simulator, request_id, **{"Idempotency-Key": "k"}).json() == first
    simulator.clock.advance(600)
    assert delete(simulator, request_id, **{"Idempotency-Key": "k"}).json() == {"cdn_delete_results": []}


def test_a_file_that_cannot_be_deleted_is_named(simulator: Simulation) -> None:
    simulator.change(fal_keeps_cdn_files=True)
    request_id = order(simulator)
    simulator.let_pass(60)
    (result,) = delete(simulator, request_id).json()["cdn_delete_results"]
    assert result["exception"] and len(simulator.files("fal")) == 1


def test_what_is_not_there_or_has_not_ended_cannot_be_deleted(simulator: Simulation) -> None:
    assert delete(simulator, "00000000-0000-4000-8000-000000000009").status_code == 404
    assert delete(simulator, order(simulator)).status_code == 404


def test_each_key_may_do_what_it_may(simulator: Simulation) -> None:
    prices = f"{PLATFORM}/models/pricing?endpoint_id={FLUX}"
    assert simulator.call("GET", prices).status_code == 401
    assert simulator.fal("GET", prices).status_code == 200
    assert simulator.fal("DELETE", f"{PLATFORM}/models/requests/x/payloads").status_code == 403
    assert simulator.fal("GET", f"{PLATFORM}/models/usage").status_code == 403
    simulator.change(fal_key_reads_platform=False)
    assert simulator.fal("GET", prices).status_code == 403
    assert simulator.fal("GET", LIST, params={"endpoint_id": FLUX}).status_code == 403
    assert simulator.call("GET", prices, headers=FAL_ADMIN_KEY).status_code == 200


def test_prices_are_the_accounts_own(simulator: Simulation) -> None:
    simulator.change(fal_prices_usd={FLUX: 0.02})
    asked = {"endpoint_id": [FLUX, "fal-ai/flux-lora"]}
    reply = simulator.fal("GET", f"{PLATFORM}/models/pricing", params=asked).json()
    assert [(each["unit_price"], each["unit"], each["currency"]) for each in reply["prices"]] == [
        (0.02, "megapixels", "USD"),
        (0.035, "megapixels", "USD"),
    ]
    estimate = {"estimate_type": "unit_price", "endpoints": {FLUX: {"unit_quantity": 3}}}
    reply = simulator.fal("POST", f"{PLATFORM}/models/pricing/estimate", json=estimate).json()
    assert reply == {"estimate_type": "unit_price", "total_cost": 0.06, "currency": "USD"}
    unknown = simulator.fal("GET", f"{PLATFORM}/models/pricing", params={"endpoint_id": "fal-ai/none"})
    assert unknown.status_code == 404


def test_usage_is_what_was_billed(simulator: Simulation) -> None:
    order(simulator)
    simulator.let_pass(60)
    (line,) = simulator.call("GET", f"{PLATFORM}/models/usage", headers=FAL_ADMIN_KEY).json()["summary"]
    assert (line["endpoint_id"], line["quantity"], line["cost_total"]) == (FLUX, 1, 0.025)
