"""The blocking and the asynchronous client: one set of steps, performed in two ways."""

import asyncio
import inspect
import io
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import httpx
import pytest
from PIL import Image

from character_identity_client import (
    ApiClient,
    ApiError,
    AsyncApiClient,
    NotConfigured,
    Progress,
    ProxySession,
)
from character_identity_client.configuration import address
from character_identity_client.pictures import Picture, in_folder, picture_file
from tests.client.test_api import Clock, client, generation, identity
from tests.support.builders import an_image


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def test_both_have_the_same_methods_with_words_about_each() -> None:
    assert public(ApiClient) == public(AsyncApiClient)
    for name in public(ApiClient):
        assert inspect.getdoc(getattr(ApiClient, name)), name


def awaiting(handler: Any, clock: Clock) -> AsyncApiClient:
    async def sleep(seconds: float) -> None:
        clock.sleep(seconds)

    transport = httpx.MockTransport(handler)
    return AsyncApiClient(
        "https://api.test/prod", "a-token", transport=transport, clock=clock.read, sleep=sleep
    )


class Api:
    """An API that trains once and then draws; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.orders: list[Any] = []
        self.trained = iter([identity(progress=20), identity(status="ready", progress=100)])
        self.drawn = iter([generation("running"), generation(), generation(scores=1)])

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/prod")
        self.asked.append((request.method, path))
        if request.url.host == "store.test":
            return httpx.Response(204)
        if path == "/v1/references":
            files = json.loads(request.content)["files"]
            tickets = [{"key": f["name"], "url": "https://store.test/", "fields": {}} for f in files]
            return httpx.Response(201, json={"uploads": tickets})
        if request.method == "POST":
            self.orders.append(json.loads(request.content))
            answer = identity() if path == "/v1/identities" else generation("queued")
            return httpx.Response(202, json=answer)
        return httpx.Response(200, json=next(self.drawn if "generations" in path else self.trained))


PROGRESS = [
    Progress("upload", 1, 2),
    Progress("upload", 2, 2),
    Progress("identity", 20, 100),
    Progress("identity", 100, 100),
    Progress("pictures", 0, 1),
    Progress("scores", 0, 1),
    Progress("scores", 1, 1),
]


@pytest.mark.parametrize("kind", [ApiClient, AsyncApiClient])
def test_a_whole_job_is_one_call_and_tells_how_far_it_is(kind: type, tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"second")
    (tmp_path / "a.jpg").write_bytes(b"first")
    (tmp_path / "notes.txt").write_text("no picture")
    api = Api()
    told: list[Progress] = []
    job = ("Jane", "fal-lora", tmp_path, "Jane on a boat")
    options: dict[str, Any] = {"class_name": "woman", "seed": 7, "on_progress": told.append}
    if kind is ApiClient:
        result = client(api).run(*job, **options)
    else:
        result = asyncio.run(awaiting(api, Clock()).run(*job, **options))
    assert (result.identity.status, len(result.images)) == ("ready", 1)
    assert told == PROGRESS
    made, drawn = api.orders
    assert made == {
        "name": "Jane",
        "provider": "fal-lora",
        "references": ["a.jpg", "b.png"],
        "className": "woman",
    }
    assert drawn == {"prompt": "Jane on a boat", "seed": 7}


@pytest.mark.parametrize("option", ["num_image", "idempotency_key"])
def test_an_option_that_there_is_not_is_told_before_a_training_is_paid(option: str) -> None:
    api, options = Api(), dict[str, Any]({option: "1"})
    with pytest.raises(TypeError, match=option):
        client(api).run("Jane", "fal-lora", [b"\xff\xd8\xff"], "Jane on a boat", **options)
    assert api.asked == []


@pytest.mark.parametrize("kind", [ApiClient, AsyncApiClient])
def test_over_a_slow_line_no_picture_is_begun_with_a_ticket_that_has_run_out(kind: type) -> None:
    clock, given_at, stored = Clock(), list[float](), list[str]()

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "store.test":
            if clock.now_s > given_at[int(request.url.path[1:])] + 15 * 60:
                return httpx.Response(403, text="<Error><Message>Policy expired.</Message></Error>")
            stored.append(request.url.path)
            clock.now_s += 200  # a photograph of 20 MB at one megabit a second
            return httpx.Response(204)
        tickets = []
        for file in json.loads(request.content)["files"]:
            ticket = {"key": file["name"], "url": f"https://store.test/{len(given_at)}", "fields": {}}
            tickets.append(ticket)
            given_at.append(clock.now_s)
        return httpx.Response(201, json={"uploads": tickets})

    pictures = [b"\xff\xd8\xff" + bytes([number]) for number in range(8)]
    if kind is ApiClient:
        keys = client(handle, clock).upload_references(pictures)
    else:
        keys = asyncio.run(awaiting(handle, clock).upload_references(pictures))
    assert keys == [f"{number}.jpeg" for number in range(1, 9)]
    assert len(stored) == 8


def test_a_list_that_is_awaited_asks_for_no_more_than_is_needed() -> None:
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        entry = {"characterId": f"i{len(asked)}", "name": "E", "provider": "astria", "status": "ready"}
        return httpx.Response(200, json={"identities": [entry], "nextCursor": "c"})

    async def read() -> list[str]:
        found = []
        async for each in awaiting(handle, Clock()).list_identities(status="ready"):
            found.append(each.character_id)
            if len(found) == 2:
                break
        return found

    assert asyncio.run(read()) == ["i1", "i2"]
    wanted = {"limit": "100", "status": "ready"}
    assert asked == [wanted, {**wanted, "cursor": "c"}]


def test_who_is_cancelled_while_waiting_asks_no_more() -> None:
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=identity())

    async def cancelled() -> None:
        reached = asyncio.Event()

        async def sleep(_: float) -> None:
            reached.set()
            await asyncio.Event().wait()

        transport = httpx.MockTransport(handle)
        api = AsyncApiClient("https://api.test", "a-token", transport=transport, sleep=sleep)
        waiting = asyncio.create_task(api.wait_until_ready("i1"))
        await reached.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancelled())
    assert len(asked) == 1


def test_pictures_come_as_paths_texts_bytes_and_what_pillow_has_opened(tmp_path: Path) -> None:
    png = tmp_path / "a.png"
    with Image.new("RGB", (4, 4)) as opened:
        opened.save(png)
    files: list[Any] = []
    parts: list[bytes] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "store.test":
            parts.append(request.content)
            return httpx.Response(204)
        files.extend(json.loads(request.content)["files"])
        tickets = [{"key": str(n), "url": "https://store.test/", "fields": {}} for n in range(4)]
        return httpx.Response(201, json={"uploads": tickets})

    with Image.open(png) as opened:
        given: list[Picture] = [png, "https://x.test/1.jpg", str(png), an_image(), opened, "uploads/o/k.jpg"]
        keys = client(handle).upload_references(given)
    assert keys == ["0", "https://x.test/1.jpg", "1", "2", "3", "uploads/o/k.jpg"]
    named = [(file["name"], file["contentType"]) for file in files]
    assert named == [
        ("a.png", "image/png"),
        ("a.png", "image/png"),
        ("4.jpeg", "image/jpeg"),
        ("5.jpeg", "image/jpeg"),
    ]
    assert an_image() in parts[2]


def test_an_opened_picture_keeps_its_orientation(tmp_path: Path) -> None:
    with Image.new("RGB", (8, 4)) as image:
        exif = image.getexif()
        exif[0x0112] = 6
        image.save(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as opened:
        (tmp_path / "b.jpg").write_bytes(picture_file(opened, 1).content())
    with Image.open(tmp_path / "b.jpg") as again:
        assert again.getexif()[0x0112] == 6


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "seen"),
    [
        ("RGB", (200, 60, 60), "PNG", (200, 60, 60)),
        ("CMYK", (0, 180, 180, 55), "JPEG", (200, 59, 59)),
        ("RGBA", (0, 0, 0, 0), "PNG", (255, 255, 255)),
        ("LA", (0, 0), "PNG", (255, 255, 255)),
        ("I;16", 0x8000, "PNG", (128, 128, 128)),
        ("I;16B", 0x8000, "TIFF", (128, 128, 128)),
        ("I", 0x8000, "TIFF", (128, 128, 128)),  # as Pillow 10 opens a PNG of 16 bits
        ("1", 1, "PNG", (255, 255, 255)),
        ("P", 0, "GIF", (0, 0, 0)),
    ],
)
def test_an_opened_picture_is_sent_as_it_is_seen(
    mode: str, colour: Any, kind: str, seen: tuple[int, int, int]
) -> None:
    file = io.BytesIO()
    Image.new(mode, (16, 16), colour).save(file, kind)
    with Image.open(file) as opened:
        content = picture_file(opened, 1).content()
    with Image.open(io.BytesIO(content)) as sent:
        shown: Any = sent.convert("RGB").getpixel((8, 8))
    assert max(abs(one - other) for one, other in zip(shown, seen, strict=True)) < 4


def test_an_opened_picture_keeps_its_colour_profile() -> None:
    """Pillow takes one along into a PNG, and not into a JPEG: Display P3 would be taken for sRGB."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG", icc_profile=b"a profile")
    with Image.open(file) as opened:
        content = picture_file(opened, 1).content()
    with Image.open(io.BytesIO(content)) as sent:
        assert sent.info["icc_profile"] == b"a profile"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("avatar", an_image(), "image/jpeg"),
        ("avatar.PNG.download", an_image(image_format="PNG"), "image/png"),
        ("avatar.bin", an_image(image_format="WEBP"), "image/webp"),
        ("avatar", b"GIF89a", "application/octet-stream"),
        ("avatar", b"", "application/octet-stream"),
    ],
)
def test_a_file_that_is_not_called_a_picture_is_told_by_its_content(
    name: str, content: bytes, kind: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    assert picture_file(tmp_path / name, 1).content_type == kind


def test_a_folder_gives_its_pictures_and_nothing_that_is_hidden(tmp_path: Path) -> None:
    names = ["a.JPG", "b.jfif", "c.jpe", "d.webp"]
    for name in (*names, "._a.JPG", ".b.png", "notes.txt", "a.mov", "a.CR3"):  # of a raw its JPEG is there
        (tmp_path / name).write_bytes(an_image())
    assert [path.name for path in in_folder(tmp_path)] == names
    assert picture_file(tmp_path / "b.jfif", 1).content_type == "image/jpeg"


def test_pictures_of_a_folder_that_are_not_taken_are_named_before_anything_is_sent(tmp_path: Path) -> None:
    for name in ("a.jpg", "B.HEIC", *(f"{number}.tiff" for number in range(6))):
        (tmp_path / name).touch()
    with pytest.raises(
        ValueError, match=r"^0.tiff, 1.tiff, 2.tiff, 3.tiff, 4.tiff and 2 more in .*: save them"
    ):
        client(Api()).upload_references(tmp_path)


def test_a_folder_without_pictures_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no pictures .*\.jpg"):
        client(Api()).upload_references(tmp_path)


def test_nothing_of_a_refusal_is_lost_but_signatures() -> None:
    finding = {
        "code": "unreachable_reference",
        "severity": "error",
        "reference": 0,
        "message": "https://x.test/1.jpg?sig=secret answers 404.",
        "advice": "Upload the picture.",
    }
    refusal = {"code": "unreachable_reference", "message": "Not to be had.", "details": [finding]}
    with pytest.raises(ApiError) as raised:
        client(lambda _: httpx.Response(400, json=refusal)).create_identity("J", "astria", [])
    error = raised.value
    assert (error.details, error.advice, error.findings[0].reference) == (
        [finding],
        ["Upload the picture."],
        0,
    )
    assert "Upload the picture." in str(error)
    assert "secret" not in str(error)


def test_the_fields_of_a_wrong_body_are_named() -> None:
    fields = [{"field": "name", "message": "Field required"}]
    refusal = {"code": "invalid_body", "message": "Not valid: name.", "details": fields}
    with pytest.raises(ApiError, match="name: Field required"):
        client(lambda _: httpx.Response(400, json=refusal)).create_identity("", "astria", [])


def test_a_webhook_is_not_registered_twice_when_the_answer_is_lost() -> None:
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ReadTimeout("no answer")

    with pytest.raises(httpx.ReadTimeout):
        client(handle).create_webhook("https://hooks.test")
    assert len(asked) == 1


ELSEWHERE = {"CHARACTER_IDENTITY_URL": "https://env.test", "CHARACTER_IDENTITY_TOKEN": "env"}


@pytest.mark.parametrize(
    ("given", "environment", "found"),
    [
        (("https://a.test", "t"), ELSEWHERE, ("https://a.test", "t")),
        ((None, None), ELSEWHERE, ("https://env.test", "env")),
        ((None, "t"), ELSEWHERE, ("https://env.test", "t")),
        (("https://env.test", None), ELSEWHERE, ("https://env.test", "env")),
        (("https://a.test", None), {"CHARACTER_IDENTITY_TOKEN": "env"}, ("https://a.test", "env")),
        ((None, None), {}, ("http://127.0.0.1:1", "dev")),
        ((None, "t"), {}, ("http://127.0.0.1:1", "t")),
    ],
)
def test_address_and_token_are_found(given: Any, environment: Any, found: Any, tmp_path: Path) -> None:
    (tmp_path / ".local").mkdir()
    said = {"apiUrl": "http://127.0.0.1:1", "token": "dev"}
    (tmp_path / ".local" / "dev.json").write_text(json.dumps(said))
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert address(*given, environment=environment, folder=below) == found


@pytest.mark.parametrize(
    ("given", "environment"),
    [
        ((None, None), {}),
        (("https://a.test", None), ELSEWHERE),
        (("https://a.test", None), {}),
        ((None, None), {"CHARACTER_IDENTITY_URL": "https://env.test"}),
    ],
)
def test_a_token_goes_nowhere_that_it_is_not_for(given: Any, environment: Any, tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="CHARACTER_IDENTITY_TOKEN"):
        address(*given, environment=environment, folder=tmp_path)


@pytest.mark.parametrize("said", ["", "{", "[]", "null", "{}", '{"apiUrl": "http://127.0.0.1:1"}', b"\xff"])
def test_a_file_that_make_dev_has_not_written_is_named(said: str | bytes, tmp_path: Path) -> None:
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "dev.json").write_bytes(said if isinstance(said, bytes) else said.encode())
    with pytest.raises(NotConfigured, match=r"dev\.json does not say where the API is"):
        address(environment={}, folder=tmp_path)


@pytest.mark.parametrize(
    "url", ["nonsense", "http://[::bad", "https://", "://x", "https://a.test:port", "/v1"]
)
def test_an_address_that_is_none_is_named(url: str) -> None:
    for open_session in (ApiClient, AsyncApiClient, ProxySession):
        with pytest.raises(ValueError, match="is no address of an API") as raised:
            open_session(url, "t")
        assert repr(url) in str(raised.value)


def test_a_name_that_is_no_text_is_uploaded_as_text(tmp_path: Path) -> None:
    names: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "store.test":
            return httpx.Response(204)
        names.extend(file["name"] for file in json.loads(request.content)["files"])
        tickets = [{"key": "k", "url": "https://store.test/", "fields": {}}]
        return httpx.Response(201, json={"uploads": tickets})

    picture = tmp_path / os.fsdecode(b"\xff.jpg")
    picture.write_bytes(b"x")
    with client(handle) as api:
        assert api.upload_references(picture) == ["k"]
    assert names == ["?.jpg"]


def test_any_route_is_called_and_nothing_is_ordered_twice() -> None:
    answers = [httpx.Response(503), httpx.Response(200, json={"a": 1}), httpx.Response(200, text="a,b")]
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.raw_path.decode(), request.headers.get("Idempotency-Key")))
        return answers.pop(0)

    with client(handle) as api:
        assert api.call("POST", "/v1/new", body={}, idempotency_key="k") == {"a": 1}
        assert api.call("GET", "/v1/rows", query={"b": "c"}) == "a,b"
        answers = [httpx.Response(503)]
        with pytest.raises(ApiError):
            api.call("POST", "/v1/new", body={})
        for path in ("https://elsewhere.test/", "v1/new", ""):
            with pytest.raises(ValueError, match="is no path of the API"):
                api.call("GET", path)
    assert asked == [
        *[("POST", "/prod/v1/new", "k")] * 2,
        ("GET", "/prod/v1/rows?b=c", None),
        ("POST", "/prod/v1/new", None),
    ]


def test_a_large_result_is_fetched_from_where_it_lies_without_the_token() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "store.test":
            assert "Authorization" not in request.headers
            return httpx.Response(200, content=b"a,b")
        assert request.url.path == "/prod/v1/evaluations/e1/results.csv"
        return httpx.Response(303, headers={"Location": "https://store.test/results.csv"})

    assert client(handle).evaluation_result("e1", "results.csv") == b"a,b"


def test_an_id_is_never_more_than_a_part_of_the_path() -> None:
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(200, json=identity())

    client(handle).get_identity("../webhooks/e1?x=1#y")
    assert asked == ["/prod/v1/identities/..%2Fwebhooks%2Fe1%3Fx%3D1%23y"]


class Here(BaseHTTPRequestHandler):
    """An API of this machine, or a proxy: takes note of who asks for what."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"providers": []}')

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("variable", "proxy"),
    [
        ("http_proxy", None),
        ("HTTP_PROXY", None),
        ("all_proxy", None),
        ("all_proxy", "socks5://127.0.0.1:7890"),  # as Clash has it: httpx lacks a package for it
        ("ALL_PROXY", "socks://127.0.0.1:7890/"),  # as GNOME sets it: httpx knows no such scheme
    ],
)
def test_this_machine_is_not_called_by_a_proxy_which_would_read_the_token(
    variable: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Here, "asked", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), Here) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(variable, proxy or url)
        with ApiClient(url, "t") as api:
            assert api.list_providers() == []
            api.download(f"{url}/picture")

        async def awaited() -> None:
            async with AsyncApiClient(url, "t") as api:
                assert await api.list_providers() == []
                await api.download(f"{url}/picture")

        asyncio.run(awaited())
        with ProxySession(url, "t") as session:
            session.status("/api/astria-proxy")
            session.download(f"{url}/picture")
        server.shutdown()
    routes = ["/v1/providers", "/picture", "/v1/providers", "/picture", "/api/astria-proxy", "/picture"]
    assert Here.asked == routes, "a proxy is asked for whole addresses"
