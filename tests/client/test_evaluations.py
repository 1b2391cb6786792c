"""Evaluations by the client: ordered once, watched, cancelled, and their results on disk."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from character_identity_client import ApiError, DeadlinePassed, EvaluationOrder
from character_identity_client.evaluations import TimeLeft, on_disk, save_results
from tests.client.test_api import Clock, client

ORDER = EvaluationOrder(name="Sarah", identities={"fal-lora": "i1"}, scenario_set="extended", variations=2)


def evaluation(status: str = "running", **changes: Any) -> dict[str, Any]:
    count = {"total": 4, "done": 1, "failed": 0}
    body = {
        "evaluationId": "e1",
        "name": "Sarah",
        "status": status,
        "phase": "pictures",
        "counts": {"identities": count, "cells": count, "images": count},
        "somethingNew": 1,
    }
    return body | changes


def test_an_order_says_what_was_given_and_nothing_else() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.path, request.headers.get("Idempotency-Key"), json.loads(request.content)))
        if request.url.path.endswith("estimate"):
            by_provider = [{"provider": "fal-lora", "images": 30, "estimateUsd": 1.05, "ceilingUsd": 2.1}]
            costs = {"estimateUsd": 1.05, "assumedUsd": 0, "ceilingUsd": 2.1, "byProvider": by_provider}
            return httpx.Response(200, json={"cells": 30, "images": 30, "wouldExceed": "budget", **costs})
        return httpx.Response(202, json=evaluation())

    with client(answer) as api:
        estimate = api.estimate_evaluation(ORDER)
        assert (estimate.would_exceed, estimate.by_provider[0].ceiling_usd) == ("budget", 2.1)
        assert api.create_evaluation(ORDER, idempotency_key="k").evaluation_id == "e1"
    body = {
        "name": "Sarah",
        "identities": {"fal-lora": "i1"},
        "scenarioSet": "extended",
        "variations": 2,
    }
    assert asked == [("/prod/v1/evaluations/estimate", None, body), ("/prod/v1/evaluations", "k", body)]


def test_a_wait_sees_every_look_and_ends_with_whatever_came_of_it() -> None:
    answers = iter([evaluation(), evaluation("cancelling"), evaluation("cancelled")])
    seen: list[str] = []
    with client(lambda request: httpx.Response(200, json=next(answers))) as api:
        ended = api.wait_until_evaluated(
            "e1", timeout_s=60, on_progress=lambda found: seen.append(found.status)
        )
    assert (ended.status, seen) == ("cancelled", ["running", "cancelling", "cancelled"])


def test_people_do_not_wait_long_between_looks_nor_for_ever() -> None:
    clock = Clock()
    with (
        client(lambda request: httpx.Response(200, json=evaluation()), clock) as api,
        pytest.raises(DeadlinePassed, match="for evaluation e1 to end"),
    ):
        api.wait_until_evaluated("e1", timeout_s=600)
    assert max(clock.slept) == 3.0


def test_evaluations_are_cancelled_and_listed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            assert request.url.path == "/prod/v1/evaluations/e1/cancel"
            return httpx.Response(200, json=evaluation("cancelling"))
        assert request.url.params["status"] == "running"
        return httpx.Response(200, json={"evaluations": [evaluation()], "nextCursor": None})

    with client(answer) as api:
        assert api.cancel_evaluation("e1").settled is False
        assert [each.evaluation_id for each in api.list_evaluations(status="running")] == ["e1"]


def test_results_that_are_too_large_are_read_where_they_lie_without_the_token() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "bucket.test":
            assert "Authorization" not in request.headers
            return httpx.Response(200, content=b"large")
        return httpx.Response(303, headers={"Location": "https://bucket.test/e1/results.csv"})

    with client(answer) as api:
        assert api.evaluation_result("e1", "results.csv") == b"large"


def test_results_of_an_evaluation_that_is_not_completed_are_refused(tmp_path: Path) -> None:
    problem = {"code": "evaluation_not_completed", "message": "The evaluation is running."}
    with (
        client(lambda request: httpx.Response(409, json=problem)) as api,
        pytest.raises(ApiError, match="The evaluation is running"),
    ):
        save_results(api, "e1", tmp_path / "e1")
    assert not (tmp_path / "e1").exists()


def test_links_in_a_page_become_paths_whatever_their_signatures() -> None:
    links = {
        "images/a/1.jpg": "https://b.test/g/1.jpg?X-Signature=a%2F&x=1",
        "images/a/10.jpg": "https://b.test/g/10.jpg",
    }
    page = (
        '<a href="https://b.test/g/1.jpg?X-Signature=b&amp;x=2"><img src="https://b.test/g/1.jpg?s">'
        '<img src="https://b.test/g/10.jpg"><img src="https://b.test/g/100.jpg">'
    )
    assert on_disk(page, links) == (
        '<a href="images/a/1.jpg"><img src="images/a/1.jpg">'
        '<img src="images/a/10.jpg"><img src="https://b.test/g/100.jpg">'
    )


def test_links_of_very_many_pictures_are_found_in_one_pass() -> None:
    """Each of them looked for in all of a page, thousands would take minutes."""
    links = {f"images/a/{number}.jpg": f"https://b.test/g/{number}.jpg?s=1" for number in range(20_000)}
    page = "".join(f'<img alt=\'5" high\' src="{link}">' for link in links.values())
    assert on_disk(page, links) == "".join(f'<img alt=\'5" high\' src="{path}">' for path in links)


def test_the_time_that_is_left_is_not_guessed_from_nothing() -> None:
    left = TimeLeft()
    assert left.seconds(0, 50) is None
    assert left.seconds(10, 54) is None, "too little was seen of how fast it goes"
    assert left.seconds(10, 60) == 40, "what was done before it was looked at counts for nothing"
    assert left.seconds(20, 100) == 0


def test_a_limit_that_is_misspelt_is_no_order_without_one() -> None:
    with pytest.raises(ValidationError, match="max_cost\n"):
        EvaluationOrder.model_validate({"name": "Sarah", "max_cost": 25})
    assert EvaluationOrder.model_validate({"maxCostUsd": 25}) == EvaluationOrder(max_cost_usd=25)
