"""Uploads with a token, and uploads in parts through either door."""

from typing import Any

import httpx
import pytest

from tests.support.simulators import ORIGIN, REST, Simulation

TOKEN_URL = f"{REST}/storage/auth/token?storage_type=fal-cdn-v3"
ZIP = {"Content-Type": "application/zip", "X-Fal-File-Name": "my refs.zip"}


@pytest.fixture
def token(simulator: Simulation) -> dict[str, str]:
    """The header that the CDN asks for."""
    reply = simulator.fal("POST", TOKEN_URL, json={}).json()
    assert reply["base_url"] == f"{ORIGIN}/fal/media"
    assert reply["expires_at"] == "2026-11-22T11:00:00.000Z"
    return {"Authorization": f"{reply['token_type']} {reply['token']}"}


def upload(simulator: Simulation, headers: dict[str, str], path: str = "") -> httpx.Response:
    return simulator.call("POST", f"{ORIGIN}/fal/media/files/upload{path}", headers=headers, content=b"PK")


def test_a_token_opens_the_cdn(simulator: Simulation, token: dict[str, str]) -> None:
    url = upload(simulator, {**ZIP, **token}).json()["access_url"]
    assert url.endswith("/my%20refs.zip")
    file = simulator.call("GET", url)
    assert (file.content, file.headers["content-type"]) == (b"PK", "application/zip")


def test_a_wrong_or_old_token_does_not(simulator: Simulation, token: dict[str, str]) -> None:
    wrong = [
        {},
        {"Authorization": "Bearer x"},
        {"Authorization": token["Authorization"].replace("Bearer", "Key")},
    ]
    assert [upload(simulator, {**ZIP, **headers}).status_code for headers in wrong] == [401] * 3
    simulator.clock.advance(3600)
    assert upload(simulator, {**ZIP, **token}).status_code == 401


def test_the_key_buys_the_token(simulator: Simulation) -> None:
    assert simulator.call("POST", TOKEN_URL, json={}).status_code == 401


def test_a_file_can_come_in_parts_with_a_token(simulator: Simulation, token: dict[str, str]) -> None:
    begun = upload(simulator, {**ZIP, **token}, "/multipart").json()
    parts = f"{begun['access_url']}/multipart/{begun['uploadId']}"
    listed: list[dict[str, Any]] = []
    for number, data in ((2, b"b"), (1, b"a")):
        reply = simulator.call("PUT", f"{parts}/{number}", headers=token, content=data)
        listed.append({"partNumber": number, "etag": reply.headers["etag"]})
    url = f"{parts}/complete"
    assert simulator.call("POST", url, headers=token, json={"parts": listed[:1]}).status_code == 400
    assert simulator.call("GET", begun["access_url"]).status_code == 404
    assert simulator.call("POST", url, headers=token, json={"parts": listed}).status_code == 200
    assert simulator.call("GET", begun["access_url"]).content == b"ab"
    assert simulator.call("POST", url, headers=token, json={"parts": listed}).status_code == 404


def test_a_file_can_come_in_parts_without_one(simulator: Simulation) -> None:
    wanted = {"content_type": "application/zip", "file_name": "refs.zip"}
    urls = simulator.fal("POST", f"{REST}/storage/upload/initiate-multipart", json=wanted).json()
    assert simulator.call("PUT", urls["upload_url"], content=b"ab", headers=ZIP).status_code == 403
    parts = [
        simulator.call("PUT", f"{urls['upload_url']}/{number}", content=data).json()
        for number, data in ((1, b"a"), (2, b"b"))
    ]
    assert [part["partNumber"] for part in parts] == [1, 2]
    url = f"{urls['upload_url']}/complete"
    wrong: list[object] = [None, {"parts": []}, {"parts": [{}]}, {"parts": [7]}, {"parts": [*parts, *parts]}]
    for completion in wrong:
        assert simulator.call("POST", url, json=completion).status_code == 400
    assert simulator.call("POST", url, json={"parts": parts}).status_code == 200
    assert simulator.call("GET", urls["file_url"]).content == b"ab"


@pytest.mark.parametrize(
    ("lifecycle", "status"),
    [
        ('{"expiration_duration_seconds": 60}', 404),
        ('{"expiration_duration_seconds": 0}', 200),
        ('{"initial_acl": {"default": "allow"}}', 200),
    ],
)
@pytest.mark.parametrize("header", ["X-Fal-Object-Lifecycle", "X-Fal-Object-Lifecycle-Preference"])
def test_a_file_lasts_as_long_as_its_uploader_says(
    simulator: Simulation, token: dict[str, str], header: str, lifecycle: str, status: int
) -> None:
    url = upload(simulator, {**ZIP, **token, header: lifecycle}).json()["access_url"]
    assert simulator.call("GET", url).status_code == 200
    simulator.clock.advance(60)
    assert simulator.call("GET", url).status_code == status


@pytest.mark.parametrize("lifecycle", ["soon", "[]", '{"expiration_duration_seconds": "soon"}'])
def test_a_lifetime_that_makes_no_sense_is_refused(
    simulator: Simulation, token: dict[str, str], lifecycle: str
) -> None:
    assert upload(simulator, {**ZIP, **token, "X-Fal-Object-Lifecycle": lifecycle}).status_code == 400
