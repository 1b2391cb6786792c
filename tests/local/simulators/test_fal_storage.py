"""Uploads: announce, PUT, use."""

import httpx
import pytest

from tests.support.simulators import FAL_KEY, REST, Simulation, jpeg, portrait

INITIATE = f"{REST}/storage/upload/initiate?storage_type=fal-cdn-v3"
ZIP = {"Content-Type": "application/zip"}


MINUTE, HOUR = '{"expiration_duration_seconds": 60}', '{"expiration_duration_seconds": 3600}'


def announced(simulator: Simulation, file_name: str = "my refs.zip", **lifecycle: str) -> httpx.Response:
    wanted = {"content_type": "application/zip", "file_name": file_name}
    headers = {name.replace("_", "-"): value for name, value in lifecycle.items()}
    return simulator.fal("POST", INITIATE, json=wanted, headers=headers)


def test_an_upload_is_announced_put_and_read(simulator: Simulation) -> None:
    urls = announced(simulator).json()
    assert urls["file_url"].endswith("/my%20refs.zip")
    assert simulator.call("GET", urls["file_url"]).status_code == 404
    assert simulator.call("PUT", urls["upload_url"], content=b"PK", headers=ZIP).status_code == 200
    reply = simulator.call("GET", urls["file_url"])
    assert (reply.content, reply.headers["content-type"]) == (b"PK", "application/zip")


def test_an_upload_url_is_good_for_one_upload(simulator: Simulation) -> None:
    urls = announced(simulator).json()
    codes = [
        simulator.call("PUT", urls["upload_url"], content=b"PK", headers=ZIP).status_code for _ in range(2)
    ]
    assert codes == [200, 403]


def test_an_upload_keeps_to_what_was_announced(simulator: Simulation) -> None:
    urls = announced(simulator).json()
    other = {"Content-Type": "application/octet-stream"}
    assert simulator.call("PUT", urls["upload_url"], content=b"PK", headers=other).status_code == 403
    assert simulator.call("PUT", urls["upload_url"] + "x", content=b"PK", headers=ZIP).status_code == 403
    assert simulator.call("GET", urls["file_url"]).status_code == 404


def test_a_strict_upload_url_minds_our_key(simulator: Simulation) -> None:
    urls = announced(simulator).json()
    reply = simulator.call("PUT", urls["upload_url"], content=b"PK", headers={**ZIP, **FAL_KEY})
    assert reply.status_code == 400


def test_an_announcement_names_type_and_file(simulator: Simulation) -> None:
    assert simulator.fal("POST", INITIATE, json={"file_name": "a.zip"}).status_code == 422
    assert announced(simulator, "../a.zip").status_code == 422


def test_models_read_uploaded_files(simulator: Simulation) -> None:
    urls = simulator.fal("POST", INITIATE, json={"content_type": "image/jpeg", "file_name": "a.jpg"}).json()
    headers = {"Content-Type": "image/jpeg"}
    simulator.call("PUT", urls["upload_url"], content=jpeg(portrait()), headers=headers)
    body = {"prompt": "x", "image_url": urls["file_url"], "image_size": "square"}
    assert simulator.finish("fal-ai/instant-character", body).status_code == 200


@pytest.mark.parametrize(
    "lifecycle",
    [
        {"X_Fal_Object_Lifecycle": MINUTE},
        {"X_Fal_Object_Lifecycle_Preference": MINUTE},
        {"X_Fal_Object_Lifecycle": MINUTE, "X_Fal_Object_Lifecycle_Preference": MINUTE},
    ],
    ids=len,
)
def test_an_upload_lasts_as_long_as_was_announced(simulator: Simulation, lifecycle: dict[str, str]) -> None:
    urls = announced(simulator, **lifecycle).json()
    simulator.call("PUT", urls["upload_url"], content=b"PK", headers=ZIP)
    assert [file["expires_at"] for file in simulator.files("fal")] == ["2026-11-22T10:01:00.000Z"]
    simulator.clock.advance(60)
    assert simulator.call("GET", urls["file_url"]).status_code == 404


@pytest.mark.parametrize(
    "lifecycle",
    [
        {"X_Fal_Object_Lifecycle": "soon"},
        {"X_Fal_Object_Lifecycle": '{"expires": 60}'},
        {"X_Fal_Object_Lifecycle": MINUTE, "X_Fal_Object_Lifecycle_Preference": HOUR},
    ],
    ids=str,
)
def test_an_announcement_says_one_thing_about_its_file(
    simulator: Simulation, lifecycle: dict[str, str]
) -> None:
    assert announced(simulator, **lifecycle).status_code == 400
