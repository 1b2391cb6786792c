"""Keys, request ids, and paths that fal does not serve."""

import pytest

from tests.support.simulators import FAL_KEY, QUEUE, REST, RUN, Simulation

MALFORMED = "Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'."
UNKNOWN = "No user found for Key ID and Secret"


@pytest.mark.parametrize(
    ("authorization", "detail"),
    [
        (None, MALFORMED),
        ("Bearer simulator-id:simulator-secret", MALFORMED),
        ("Key simulator-id", MALFORMED),
        ("Key simulator-id:wrong", UNKNOWN),
    ],
)
@pytest.mark.parametrize(
    "url", [f"{QUEUE}/fal-ai/flux-lora", f"{RUN}/fal-ai/flux-lora", f"{REST}/storage/upload/initiate"]
)
def test_a_wrong_key_is_refused(
    simulator: Simulation, url: str, authorization: str | None, detail: str
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    reply = simulator.call("POST", url, json={"prompt": "x"}, headers=headers)
    assert (reply.status_code, reply.json()) == (401, {"detail": detail})
    assert reply.headers["x-fal-request-id"]
    assert simulator.ledger() == []


def test_a_locked_account_is_refused(simulator: Simulation) -> None:
    simulator.change(fal_locked=True)
    reply = simulator.fal("POST", f"{QUEUE}/fal-ai/flux-lora", json={"prompt": "x"})
    assert reply.status_code == 403
    assert reply.json()["detail"].startswith("User is locked. Reason: Exhausted balance.")


def test_requests_are_not_found_under_the_subpath(simulator: Simulation) -> None:
    job = simulator.submit("fal-ai/flux/dev", {"prompt": "x"})
    assert job["status_url"] == f"{QUEUE}/fal-ai/flux/requests/{job['request_id']}/status"
    kept = f"{QUEUE}/fal-ai/flux/dev/requests/{job['request_id']}"
    for url in (kept, f"{kept}/status"):
        assert simulator.fal("GET", url).status_code == 405


@pytest.mark.parametrize(
    ("method", "link"), [("GET", "cancel_url"), ("POST", "status_url"), ("POST", "cancel_url")]
)
def test_other_methods_are_refused(simulator: Simulation, method: str, link: str) -> None:
    job = simulator.submit("fal-ai/flux-lora", {"prompt": "x"})
    reply = simulator.fal(method, job[link])
    assert (reply.status_code, reply.json()) == (405, {"detail": "Method Not Allowed"})
    assert reply.headers["x-fal-request-id"]


@pytest.mark.parametrize("root", [QUEUE, RUN])
def test_an_unknown_application_is_not_found(simulator: Simulation, root: str) -> None:
    reply = simulator.fal("POST", f"{root}/fal-ai/nothing", json={})
    assert (reply.status_code, reply.json()) == (404, {"detail": "Application 'fal-ai/nothing' not found"})


def test_an_unknown_path_of_an_application_fails_in_the_model(simulator: Simulation) -> None:
    result = simulator.finish("fal-ai/flux-lora/nothing", {"prompt": "x"})
    assert (result.status_code, result.json()) == (404, {"detail": "Path /nothing not found"})
    assert result.headers["x-fal-billable-units"] == "0"


def test_an_unknown_request_is_not_found(simulator: Simulation) -> None:
    url = f"{QUEUE}/fal-ai/flux-lora/requests/6f0d7c0e"
    for method, path in (("GET", ""), ("GET", "/status"), ("PUT", "/cancel")):
        reply = simulator.call(method, url + path, headers=FAL_KEY)
        assert (reply.status_code, reply.json()) == (404, {"status": "NOT_FOUND"})


def test_a_request_of_another_application_is_not_found(simulator: Simulation) -> None:
    job = simulator.submit("fal-ai/flux-lora", {"prompt": "x"})
    url = f"{QUEUE}/fal-ai/instant-character/requests/{job['request_id']}/status"
    assert simulator.fal("GET", url).status_code == 404
