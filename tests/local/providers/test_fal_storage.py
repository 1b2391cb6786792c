"""Uploads: announce, PUT, use."""

import httpx

from tests.local.providers.stand_in import FAL_KEY, REST, StandIn, jpeg, portrait

INITIATE = f"{REST}/storage/upload/initiate?storage_type=fal-cdn-v3"
ZIP = {"Content-Type": "application/zip"}


def announced(stand_in: StandIn, file_name: str = "my refs.zip") -> httpx.Response:
    return stand_in.fal("POST", INITIATE, json={"content_type": "application/zip", "file_name": file_name})


def test_an_upload_is_announced_put_and_read(stand_in: StandIn) -> None:
    urls = announced(stand_in).json()
    assert urls["file_url"].endswith("/my%20refs.zip")
    assert stand_in.call("GET", urls["file_url"]).status_code == 404
    assert stand_in.call("PUT", urls["upload_url"], content=b"PK", headers=ZIP).status_code == 200
    reply = stand_in.call("GET", urls["file_url"])
    assert (reply.content, reply.headers["content-type"]) == (b"PK", "application/zip")


def test_an_upload_url_is_good_for_one_upload(stand_in: StandIn) -> None:
    urls = announced(stand_in).json()
    codes = [
        stand_in.call("PUT", urls["upload_url"], content=b"PK", headers=ZIP).status_code for _ in range(2)
    ]
    assert codes == [200, 403]


def test_an_upload_keeps_to_what_was_announced(stand_in: StandIn) -> None:
    urls = announced(stand_in).json()
    other = {"Content-Type": "application/octet-stream"}
    assert stand_in.call("PUT", urls["upload_url"], content=b"PK", headers=other).status_code == 403
    assert stand_in.call("PUT", urls["upload_url"] + "x", content=b"PK", headers=ZIP).status_code == 403
    assert stand_in.call("GET", urls["file_url"]).status_code == 404


def test_a_strict_upload_url_minds_our_key(stand_in: StandIn) -> None:
    urls = announced(stand_in).json()
    reply = stand_in.call("PUT", urls["upload_url"], content=b"PK", headers={**ZIP, **FAL_KEY})
    assert reply.status_code == 400


def test_an_announcement_names_type_and_file(stand_in: StandIn) -> None:
    assert stand_in.fal("POST", INITIATE, json={"file_name": "a.zip"}).status_code == 422
    assert announced(stand_in, "../a.zip").status_code == 422


def test_models_read_uploaded_files(stand_in: StandIn) -> None:
    urls = stand_in.fal("POST", INITIATE, json={"content_type": "image/jpeg", "file_name": "a.jpg"}).json()
    headers = {"Content-Type": "image/jpeg"}
    stand_in.call("PUT", urls["upload_url"], content=jpeg(portrait()), headers=headers)
    body = {"prompt": "x", "image_url": urls["file_url"], "image_size": "square"}
    assert stand_in.finish("fal-ai/instant-character", body).status_code == 200
