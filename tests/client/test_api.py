"""The client against a scripted API."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from character_identity_client import ApiClient, ApiError, DeadlinePassed, JobFailed

Handler = Callable[[httpx.Request], httpx.Response]


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    def read(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


def client(handler: Handler, clock: Clock | None = None) -> ApiClient:
    clock = clock or Clock()
    return ApiClient(
        "https://api.test/prod",
        "a-token",
        transport=httpx.MockTransport(handler),
        clock=clock.read,
        sleep=clock.sleep,
    )


def identity(**changes: Any) -> dict[str, Any]:
    body = {
        "characterId": "i1",
        "name": "Eileen",
        "provider": "fal-lora",
        "className": "woman",
        "status": "training",
        "phase": "training",
        "progress": 40,
        "referenceUrls": ["https://bucket.test/1.jpg"],
        "modelUrl": None,
        "metadata": {"trainingTime": None, "cost": 2.0, "createdAt": "2026-01-01T00:00:00Z"},
    }
    return body | changes


def generation(status: str = "succeeded", scores: int = 0, **changes: Any) -> dict[str, Any]:
    score = {
        "encoder": "clip-vit-b32",
        "weightsSha256": "ab",
        "preprocessing": "1",
        "mean": 0.8,
        "best": 0.9,
        "perReference": [],
    }
    image = {
        "imageUrl": "https://bucket.test/g.jpg",
        "seed": 7,
        "width": 512,
        "height": 512,
        "outcome": "succeeded",
        "clipSimilarity": None,
        "scores": [score] * scores,
    }
    body = {
        "generationId": "g1",
        "characterId": "i1",
        "status": status,
        "scoring": "complete" if scores else "pending",
        "images": [image] if status == "succeeded" else [],
        "warnings": [],
        "metadata": {"promptUsed": "p", "provider": "fal-lora", "inferenceTime": 1200, "cost": 0.03},
    }
    return body | changes


def answers(*bodies: dict[str, Any] | httpx.Response) -> Handler:
    """One answer after the other; the last one for ever."""
    left = list(bodies)

    def handle(_: httpx.Request) -> httpx.Response:
        body = left.pop(0) if len(left) > 1 else left[0]
        return body if isinstance(body, httpx.Response) else httpx.Response(200, json=body)

    return handle


def test_a_token_never_crosses_a_network_in_clear_text() -> None:
    with pytest.raises(ValueError, match="HTTPS"):
        ApiClient("http://api.test", "a-token")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://abc.execute-api.localhost:4566/x"])
def test_this_machine_may_be_called_without_tls(url: str) -> None:
    ApiClient(url, "a-token").close()


def test_calls_carry_the_token_and_keep_the_base_path() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer a-token"
        assert request.url == "https://api.test/prod/v1/identities/i1"
        return httpx.Response(200, json=identity())

    found = client(handle).get_identity("i1")
    assert (found.character_id, found.status, found.progress) == ("i1", "training", 40)
    assert found.metadata.cost == 2.0


def test_a_new_field_in_an_answer_changes_nothing() -> None:
    found = client(answers(identity(colour="green"))).get_identity("i1")
    assert found.name == "Eileen"


def test_references_are_posted_to_their_tickets_without_the_token(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"first picture")
    (tmp_path / "b.PNG").write_bytes(b"second")
    stored: dict[str, httpx.Request] = {}

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "bucket.test":
            stored[request.url.path] = request
            return httpx.Response(204)
        files = json.loads(request.content)["files"]
        assert files == [
            {"name": "a.jpg", "contentType": "image/jpeg", "sizeBytes": 13},
            {"name": "b.PNG", "contentType": "image/png", "sizeBytes": 6},
        ]
        tickets = [
            {"key": f"uploads/{n}", "url": f"https://bucket.test/{n}", "fields": {"policy": f"p{n}"}}
            for n in range(2)
        ]
        return httpx.Response(201, json={"uploads": tickets})

    keys = client(handle).upload_references([tmp_path / "a.jpg", tmp_path / "b.PNG"])

    assert keys == ["uploads/0", "uploads/1"]
    first = stored["/0"]
    assert "Authorization" not in first.headers
    assert first.content.index(b'name="policy"') < first.content.index(b'name="file"')
    assert b"first picture" in first.content
    assert b"second" in stored["/1"].content


def test_a_refused_upload_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    ticket = {"key": "uploads/0", "url": "https://bucket.test/0", "fields": {}}

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "bucket.test":
            return httpx.Response(403, text="<Error><Code>EntityTooLarge</Code></Error>")
        return httpx.Response(201, json={"uploads": [ticket]})

    with pytest.raises(ApiError) as raised:
        client(handle).upload_references([tmp_path / "a.jpg"])
    assert raised.value.status == 403


def test_what_is_not_given_is_left_to_the_api() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert json.loads(request.content) == {"prompt": "a portrait", "seed": 0, "numImages": 1}
        return httpx.Response(202, json=generation("queued"))

    ordered = client(handle).generate("i1", "a portrait", seed=0, num_images=1)
    assert (ordered.generation_id, ordered.status) == ("g1", "queued")


def test_an_error_carries_code_message_and_status() -> None:
    problem = {"code": "too_few_references", "message": "At least 5 are needed."}
    refusal = httpx.Response(400, json=problem, headers={"X-Request-Id": "JKJaXmPLvHcESHA="})
    with pytest.raises(ApiError) as raised:
        client(answers(refusal)).create_identity("Eileen", "fal-lora", [])
    error = raised.value
    assert (error.status, error.code, error.message) == (400, "too_few_references", "At least 5 are needed.")
    assert error.request_id == "JKJaXmPLvHcESHA="
    assert "JKJaXmPLvHcESHA=" in str(error)


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b""])
def test_an_error_of_something_in_between_is_an_api_error_too(body: bytes) -> None:
    with pytest.raises(ApiError) as raised:
        client(lambda _: httpx.Response(403, content=body)).get_identity("i1")
    assert (raised.value.status, raised.value.request_id) == (403, None)


@pytest.mark.parametrize("body", ["not JSON", "{}", '{"characterId": "i1", "status": "asleep"}'])
def test_an_answer_that_cannot_be_read_is_an_error_not_a_guess(body: str) -> None:
    with pytest.raises(ApiError) as raised:
        client(lambda _: httpx.Response(200, text=body)).get_identity("i1")
    assert raised.value.code == "unreadable_answer"


def test_a_get_is_repeated_until_the_api_is_back() -> None:
    clock = Clock()
    busy = httpx.Response(503, json={"code": "busy", "message": "Later."})
    found = client(answers(busy, busy, identity()), clock).get_identity("i1")
    assert found.character_id == "i1"
    assert clock.slept == sorted(clock.slept)
    assert len(clock.slept) == 2


def test_a_get_is_given_up_in_the_end() -> None:
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ConnectError("nobody there")

    with pytest.raises(httpx.ConnectError):
        client(handle).get_identity("i1")
    assert len(asked) == 4


class Orders:
    """Accepts orders after some other answers; remembers what was asked, and with which keys."""

    def __init__(self, *before: httpx.Response | httpx.TransportError) -> None:
        self.before = list(before)
        self.keys: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers["Idempotency-Key"])
        outcome = self.before.pop(0) if self.before else httpx.Response(202, json=generation("queued"))
        if isinstance(outcome, httpx.TransportError):
            raise outcome
        return outcome


def too_early(status: int, code: str, seconds: str | None) -> httpx.Response:
    headers = {} if seconds is None else {"Retry-After": seconds}
    return httpx.Response(status, json={"code": code, "message": "Later."}, headers=headers)


IN_FLIGHT = "request_in_flight"


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("nobody there"),
        httpx.ReadTimeout("no answer"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(500, json={"code": "internal_error", "message": "Unhandled exception."}),
        httpx.Response(503, json={"message": "Service Unavailable"}),
        httpx.Response(504),
        httpx.Response(429, json={"message": "Too Many Requests"}),
    ],
)
def test_an_order_whose_outcome_is_unknown_is_repeated_under_its_key(
    trouble: httpx.Response | httpx.TransportError,
) -> None:
    orders = Orders(trouble)
    assert client(orders).generate("i1", "a portrait").generation_id == "g1"
    assert len(orders.keys) == 2
    assert len(set(orders.keys)) == 1


def test_each_order_has_a_key_of_its_own_unless_one_is_given() -> None:
    orders = Orders()
    api = client(orders)
    for key in (None, None, "mine", "mine"):
        api.generate("i1", "a portrait", idempotency_key=key)
    first, second, *given = orders.keys
    assert (len(first), first != second, given) == (36, True, ["mine", "mine"])


def test_an_identity_is_ordered_under_a_key_too() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert request.headers["Idempotency-Key"] == "mine"
        assert json.loads(request.content) == {"name": "Eileen", "provider": "astria", "references": ["k"]}
        return httpx.Response(202, json=identity())

    client(handle).create_identity("Eileen", "astria", ["k"], idempotency_key="mine")


def test_an_order_that_is_being_worked_on_is_asked_for_when_the_api_says() -> None:
    clock = Clock()
    orders = Orders(*(too_early(409, IN_FLIGHT, seconds) for seconds in ("1", "2", "4", "8", "16", "30")))
    client(orders, clock).generate("i1", "a portrait")
    assert clock.slept == [1, 2, 4, 8, 16, 30]


def test_too_many_requests_are_waited_out() -> None:
    clock = Clock()
    client(Orders(too_early(429, "too_many_requests", "43")), clock).generate("i1", "a portrait")
    assert clock.slept == [43]


class OutOfSight:
    """An API that trains for five minutes, and gives another answer from one second to another."""

    def __init__(self, clock: Clock, answer: httpx.Response | httpx.TransportError, since: int, to: float):
        self.clock, self.answer, self.since, self.to = clock, answer, since, to

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.since <= self.clock.now_s < self.to:
            if isinstance(self.answer, httpx.TransportError):
                raise self.answer
            return self.answer
        status = "ready" if self.clock.now_s >= 300 else "training"
        return httpx.Response(200, json=identity(status=status))


NOBODY = httpx.ConnectError("nobody there")
AWAY = httpx.Response(503, json={"message": "Service Unavailable"})


@pytest.mark.parametrize("trouble", [NOBODY, AWAY])
def test_a_job_that_is_out_of_sight_for_a_minute_is_waited_for(
    trouble: httpx.Response | httpx.TransportError,
) -> None:
    clock = Clock()
    api = client(OutOfSight(clock, trouble, 10, 100), clock)
    assert api.wait_until_ready("i1").status == "ready"


@pytest.mark.parametrize(
    ("trouble", "since", "least_s", "most_s"),
    [
        pytest.param(NOBODY, 10, 120, 160, id="for longer"),
        pytest.param(NOBODY, 0, 0, 5, id="and was never seen"),
        pytest.param(httpx.Response(404, json={"code": "unknown_identity"}), 10, 10, 20, id="and is gone"),
    ],
)
def test_a_wait_for_what_is_out_of_sight_ends_with_what_is_wrong(
    trouble: httpx.Response | httpx.TransportError, since: int, least_s: int, most_s: int
) -> None:
    clock = Clock()
    api = client(OutOfSight(clock, trouble, since, float("inf")), clock)
    with pytest.raises((httpx.ConnectError, ApiError)):
        api.wait_until_ready("i1")
    assert least_s <= clock.now_s <= most_s


def test_a_deadline_holds_while_nobody_answers() -> None:
    clock = Clock()
    with pytest.raises(DeadlinePassed):
        client(OutOfSight(clock, NOBODY, 10, 100), clock).wait_until_ready("i1", timeout_s=30)
    assert clock.now_s <= 40


def test_waiting_ends_at_the_deadline() -> None:
    clock = Clock()
    with pytest.raises(ApiError) as raised:
        client(lambda _: too_early(429, "too_many_requests", "40"), clock).generate("i1", "a portrait")
    assert (raised.value.status, raised.value.code) == (429, "too_many_requests")
    assert clock.slept == [40, 40]


def test_an_api_that_wants_to_be_asked_at_once_is_not_asked_without_end() -> None:
    clock = Clock()
    with pytest.raises(ApiError):
        client(lambda _: too_early(429, "too_many_requests", "0"), clock).generate("i1", "a portrait")
    assert 0 < clock.now_s <= 90


@pytest.mark.parametrize(
    "refusal",
    [
        too_early(409, "identity_not_ready", None),
        too_early(422, "idempotency_key_reused", None),
        too_early(402, "budget_exceeded", None),
        too_early(400, "invalid_body", None),
    ],
)
def test_what_is_refused_is_not_asked_again(refusal: httpx.Response) -> None:
    orders = Orders(refusal)
    with pytest.raises(ApiError) as raised:
        client(orders).generate("i1", "a portrait")
    assert (raised.value.status, len(orders.keys)) == (refusal.status_code, 1)


def test_trouble_that_stays_is_reported_in_the_end() -> None:
    orders = Orders(
        *(httpx.Response(500, json={"code": "internal_error", "message": "Unhandled exception."}),) * 4
    )
    with pytest.raises(ApiError):
        client(orders).generate("i1", "a portrait")
    assert len(orders.keys) == 4


BUDGET = {
    "month": "2026-11",
    "limitUsd": 100,
    "reservedUsd": 2.0,
    "committedUsd": 1.5,
    "remainingUsd": 96.5,
}


def test_an_estimate_tells_the_price_and_what_is_left() -> None:
    price = {"amountUsd": 2.0, "unit": "1000 steps", "source": "https://fal.ai/", "readOn": "2026-11-22"}

    def handle(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/prod/v1/identities/estimate")
        assert json.loads(request.content)["provider"] == "fal-lora"
        estimate = {"estimateUsd": 2.0, "reservedUsd": 2.0, "prices": {"training": price}}
        return httpx.Response(200, json={**estimate, "budget": BUDGET, "affordable": True})

    found = client(handle).estimate_identity("fal-lora")
    assert (found.estimate_usd, found.affordable, found.budget.remaining_usd) == (2.0, True, 96.5)
    assert found.prices["training"].source == "https://fal.ai/"


def test_an_estimate_that_nobody_can_give_is_none() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/prod/v1/identities/i1/generations/estimate"
        assert json.loads(request.content) == {"prompt": "a portrait", "numImages": 3}
        estimate: dict[str, Any] = {"estimateUsd": None, "reservedUsd": 0.6, "prices": {}}
        return httpx.Response(200, json={**estimate, "budget": BUDGET, "affordable": False})

    found = client(handle).estimate_generation("i1", "a portrait", num_images=3)
    assert (found.estimate_usd, found.reserved_usd, found.affordable) == (None, 0.6, False)


@pytest.mark.parametrize(("month", "query"), [(None, b""), ("2026-10", b"month=2026-10")])
def test_the_usage_of_a_month(month: str | None, query: bytes) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert (request.url.path, request.url.query) == ("/prod/v1/usage", query)
        return httpx.Response(200, json={**BUDGET, "assumedUsd": 0.5, "jobs": 3})

    found = client(handle).usage(month)
    assert (found.committed_usd, found.assumed_usd, found.jobs) == (1.5, 0.5, 3)


def listing(path: str, entries: str, *pages: list[dict[str, Any]], asked: list[dict[str, str]]) -> Handler:
    """A list of those pages; keeps what was asked for."""

    def handle(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("GET", f"/prod{path}")
        asked.append(dict(request.url.params))
        number = int(request.url.params.get("cursor", "p0")[1:])
        cursor = {"nextCursor": f"p{number + 1}"} if number + 1 < len(pages) else {}
        return httpx.Response(200, json={entries: pages[number], **cursor})

    return handle


def test_a_list_is_read_to_its_end_past_pages_without_entries() -> None:
    asked: list[dict[str, str]] = []
    made = [
        {"characterId": f"i{number}", "name": "E", "provider": "astria", "status": "ready"}
        for number in (3, 2, 1)
    ]
    api = client(listing("/v1/identities", "identities", made[:2], [], made[2:], asked=asked))
    found = api.list_identities(status="ready", since=datetime(2026, 11, 22, 12, tzinfo=UTC))
    assert asked == [], "nobody needs it yet"
    assert [each.character_id for each in found] == ["i3", "i2", "i1"]
    wanted = {"limit": "100", "status": "ready", "since": "2026-11-22T12:00:00+00:00"}
    assert asked == [wanted, {**wanted, "cursor": "p1"}, {**wanted, "cursor": "p2"}]


def test_no_more_of_a_list_is_asked_for_than_is_needed() -> None:
    asked: list[dict[str, str]] = []
    made = [{"generationId": f"g{number}", "characterId": "i1", "status": "succeeded"} for number in (2, 1)]
    api = client(listing("/v1/identities/i1/generations", "generations", made[:1], made[1:], asked=asked))
    assert next(api.list_generations("i1", provider="astria")).generation_id == "g2"
    assert asked == [{"limit": "100", "provider": "astria"}]


def test_webhooks_are_listed() -> None:
    made = {"endpointId": "e1", "url": "https://ann.test/hook", "createdAt": "2026-11-22T12:00:00Z"}
    api = client(listing("/v1/webhooks", "webhooks", [made], asked=[]))
    assert [each.url for each in api.list_webhooks()] == ["https://ann.test/hook"]


def test_a_list_that_is_refused_says_why() -> None:
    problem = {
        "code": "invalid_parameter",
        "message": "The parameter status is one of training, ready, failed.",
    }
    with pytest.raises(ApiError) as raised:
        list(client(lambda _: httpx.Response(400, json=problem)).list_identities(status="done"))
    assert raised.value.code == "invalid_parameter"


def test_a_training_is_cancelled() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/prod/v1/identities/i1/cancel")
        error = {"code": "cancelled", "message": "The training was cancelled."}
        return httpx.Response(200, json=identity(status="failed", error=error))

    cancelled = client(handle).cancel_identity("i1")
    assert cancelled.error is not None
    assert cancelled.error.code == "cancelled"


def test_references_are_checked_for_a_provider() -> None:
    finding = {
        "code": "blurred",
        "severity": "warning",
        "reference": 1,
        "message": "The picture is blurred.",
        "advice": "Take a sharper one.",
    }

    def handle(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/prod/v1/references/check"
        assert json.loads(request.content) == {"references": ["a", "b"], "provider": "astria"}
        return httpx.Response(200, json={"usable": True, "findings": [finding]})

    found = client(handle).check_references(["a", "b"], provider="astria")
    assert found.usable
    assert (found.findings[0].code, found.findings[0].reference) == ("blurred", 1)


def test_pictures_are_compared_by_key_link_or_generation() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/prod/v1/scores")
        drawn = {"generationId": "g1", "imageNumber": 2}
        assert json.loads(request.content) == {"images": ["uploads/a.jpg", drawn], "references": [drawn]}
        why = {"encoder": "e", "code": "black_image", "reason": "It is black."}
        score = {"encoder": "e", "mean": 0.8, "best": 0.9}
        images = [{"scores": [score]}, {"scores": [], "notScored": why}]
        return httpx.Response(
            200, json={"encoder": "e", "weightsSha256": "ab", "standIn": True, "images": images}
        )

    found = client(handle).compare(["uploads/a.jpg", ("g1", 2)], references=[("g1", 2)])
    assert found.stand_in
    first, second = found.images
    assert (first.scores[0].mean, second.not_scored and second.not_scored.code) == (0.8, "black_image")


def test_an_identity_carries_what_was_found_about_its_references() -> None:
    finding = {"code": "outlier", "severity": "warning", "message": "m", "advice": "a"}
    found = client(answers(identity(findings=[finding]))).get_identity("i1")
    assert found.findings[0].reference is None


def test_waiting_ends_when_the_identity_is_ready_and_shows_its_progress() -> None:
    seen: list[int] = []
    found = client(
        answers(identity(progress=20), identity(progress=60), identity(status="ready", progress=100))
    ).wait_until_ready("i1", timeout_s=600, on_progress=lambda now: seen.append(now.progress))
    assert found.status == "ready"
    assert seen == [20, 60, 100]


def test_waiting_for_an_identity_that_failed_says_why() -> None:
    failed = identity(status="failed", error={"code": "provider_rejected", "message": "No face was found."})
    with pytest.raises(JobFailed, match="No face was found") as raised:
        client(answers(failed)).wait_until_ready("i1", timeout_s=600)
    assert raised.value.code == "provider_rejected"


def test_waiting_asks_less_and_less_often_and_ends_at_its_deadline() -> None:
    clock = Clock()
    with pytest.raises(DeadlinePassed):
        client(answers(identity()), clock).wait_until_ready("i1", timeout_s=100)
    assert clock.now_s == pytest.approx(100)
    assert clock.slept[:-1] == sorted(clock.slept[:-1])
    assert max(clock.slept) == 10
    assert len(clock.slept) < 25


def test_a_picture_that_cannot_be_scored_is_not_waited_for() -> None:
    unscored = generation(scoring="notScored")
    unscored["images"][0]["notScored"] = {"encoder": "e", "code": "black_image", "reason": "It is black."}
    found = client(answers(unscored)).wait_until_scored("g1", timeout_s=60)
    assert found.images[0].not_scored is not None
    assert found.images[0].not_scored.code == "black_image"


def test_a_generation_is_scored_a_while_after_it_succeeded() -> None:
    api = client(answers(generation("running"), generation(), generation(), generation(scores=1)))
    assert not api.wait_until_generated("g1", timeout_s=60).scored
    scored = api.wait_until_scored("g1", timeout_s=60)
    assert scored.images[0].scores[0].mean == 0.8


def test_a_filtered_image_needs_no_score() -> None:
    filtered = generation(scoring="notScored")
    filtered["images"][0] |= {"outcome": "filtered", "imageUrl": None}
    found = client(answers(filtered)).wait_until_scored("g1", timeout_s=60)
    assert found.images[0].outcome == "filtered"


def test_waiting_for_a_generation_that_failed_says_why() -> None:
    failed = generation("failed", error={"code": "provider_unavailable", "message": "fal is down."})
    with pytest.raises(JobFailed, match="fal is down"):
        client(answers(failed)).wait_until_generated("g1", timeout_s=60)


def test_a_score_that_does_not_come_ends_the_wait() -> None:
    with pytest.raises(DeadlinePassed, match="scores"):
        client(answers(generation())).wait_until_scored("g1", timeout_s=30)


def test_images_are_fetched_without_the_token() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert "Authorization" not in request.headers
        return httpx.Response(200, content=b"a picture")

    assert client(handle).download("https://bucket.test/g.jpg?signature=x") == b"a picture"


def test_providers_tell_how_many_references_they_take() -> None:
    body = {"providers": [{"name": "astria", "minReferences": 4, "maxReferences": 20, "trains": True}]}
    (found,) = client(answers(body)).list_providers()
    assert (found.name, found.min_references, found.max_references) == ("astria", 4, 20)
