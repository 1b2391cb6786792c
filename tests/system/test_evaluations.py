"""Evaluations on the running system: killed and resumed, cancelled, refused; what they pay and yield."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.support.waiting import HANGS_AFTER_S, wait_until
from tests.system.conftest import Running

pytestmark = pytest.mark.processes

PLACE = "beside the unmistakable lighthouse"
PROVIDERS = ["fal-instant", "fal-lora"]


class Evaluations:
    """The API's evaluations, over HTTP."""

    def __init__(self, running: Running) -> None:
        self.running = running
        token = {"Authorization": f"Bearer {running.system.token}"}
        self.http = httpx.Client(base_url=running.system.api_url, headers=token, timeout=HANGS_AFTER_S)

    def close(self) -> None:
        self.http.close()

    def order(self, name: str, key: str | None = None, **changes: Any) -> httpx.Response:
        references = self.running.api.upload_references(self.running.people["Eileen"][:5])
        scenario = {"name": "lighthouse", "prompt": f"{{name}} {PLACE}", "threshold": 0.8}
        usual = {"name": name, "className": "woman", "references": references, "providers": PROVIDERS}
        body = {**usual, "scenarios": [scenario], "variations": 1, **changes}
        headers = {"Idempotency-Key": key} if key else {}
        return self.http.post("/v1/evaluations", json=body, headers=headers)

    def get(self, evaluation_id: str, file: str = "") -> httpx.Response:
        return self.http.get(f"/v1/evaluations/{evaluation_id}{f'/{file}' if file else ''}")

    def until(self, evaluation_id: str, *statuses: str) -> Any:
        def read() -> Any:
            found = self.get(evaluation_id).raise_for_status().json()
            return found if found["status"] in statuses else None

        return wait_until(read, f"{evaluation_id} to be {' or '.join(statuses)}")


@pytest.fixture
def evaluations(running_system: Running) -> Iterator[Evaluations]:
    with closing(Evaluations(running_system)) as evaluations:
        yield evaluations


def test_one_that_is_killed_is_resumed_and_pays_for_each_cell_once(
    running_system: Running, evaluations: Evaluations
) -> None:
    ordered = evaluations.order("Ophelia Evaluated")
    assert ordered.status_code == 202
    evaluation_id = ordered.json()["evaluationId"]

    def is_drawn() -> bool:
        return bool(evaluations.get(evaluation_id).json()["phase"] != "planning")

    wait_until(is_drawn, "the evaluation to begin")
    stepfunctions = running_system.aws("stepfunctions")
    machine = running_system.system.state_machines["run_evaluation"]
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{evaluation_id}"
    stepfunctions.stop_execution(executionArn=arn, error="Killed")
    running_system.aws("lambda").invoke(
        FunctionName=running_system.system.outputs["SweepName"], Payload=b'{"all": true}'
    )
    done = evaluations.until(evaluation_id, "completed", "failed")

    assert (done["status"], done["progress"], done["error"]) == ("completed", 100, None)
    assert done["counts"]["images"] == {"total": 2, "done": 2, "failed": 0, "scored": 2, "notScored": 0}
    assert done["recommendation"]["provider"] is None  # simulators drew, which decide nothing
    assert running_system.ended("run_evaluation", f"{evaluation_id}-2")["status"] == "SUCCEEDED"
    paid = sorted(running_system.paid(PLACE))
    assert paid == ["fal-ai/flux-lora", "fal-ai/instant-character"]
    assert running_system.paid("OPHELIA_EVALUATED").count("fal-ai/flux-lora-fast-training") == 1

    rows = [*csv.DictReader(io.StringIO(evaluations.get(evaluation_id, "results.csv").text))]
    assert [(row["provider"], row["outcome"]) for row in rows] == [(name, "succeeded") for name in PROVIDERS]
    for row in rows:
        assert -1 <= float(row["similarity_mean"]) <= 1
        assert (
            float(row["own_similarity_mean"]) != float(row["similarity_mean"])
            or row["provider"] != "fal-instant"
        )
        assert float(row["total_ms"]) >= float(row["latency_ms"]) > 0
    pictures = evaluations.get(evaluation_id, "pictures.json").json()
    assert {row["image"] for row in rows} < {*pictures}
    assert {httpx.get(link).headers["Content-Type"] for link in pictures.values()} <= {
        "image/jpeg",
        "image/png",
    }
    gallery = evaluations.get(evaluation_id, "gallery.html")
    assert "default-src 'none'" in gallery.headers["Content-Security-Policy"]
    shown = {link.replace("&amp;", "&") for link in re.findall(r'<img src="(http[^"]+)"', gallery.text)}
    assert shown and all(httpx.get(link).is_success for link in shown)

    usage = evaluations.http.get("/v1/usage").json()
    assert usage["limitUsd"] - usage["remainingUsd"] == pytest.approx(
        usage["committedUsd"] + usage["reservedUsd"]
    )

    # Erasing an identity takes it out, and the results are made anew without it.
    erased = evaluations.http.delete(f"/v1/identities/{done['identities']['fal-instant']}")
    assert erased.status_code == 200

    def is_anew() -> bool:
        found = evaluations.get(evaluation_id, "results.csv")
        return found.is_success and "fal-instant" not in found.text

    wait_until(is_anew, "results without the identity that was erased")
    assert evaluations.get(evaluation_id).json()["providers"] == ["fal-lora"]


def test_a_repeated_request_is_one_evaluation_and_one_that_is_cancelled_ends(
    running_system: Running, evaluations: Evaluations
) -> None:
    first = evaluations.order("Portia Cancelled", "portia-1", providers=["fal-lora"])
    evaluation_id = first.json()["evaluationId"]
    cancelled = evaluations.http.post(f"/v1/evaluations/{evaluation_id}/cancel")
    assert cancelled.json()["status"] in {"cancelling", "cancelled"}
    done = evaluations.until(evaluation_id, "cancelled")
    assert done["error"]["code"] == "cancelled"
    assert "PARTIAL" in evaluations.get(evaluation_id, "report.html").text
    assert running_system.paid("PORTIA_CANCELLED").count("fal-ai/flux-lora") == 0


def test_a_provider_that_fails_is_a_row_and_no_failure_of_the_evaluation(
    running_system: Running, evaluations: Evaluations
) -> None:
    scenario = {"name": "tower", "prompt": "{name} beside the crooked tower", "threshold": 0.8}
    running_system.arm(operation="fal.submit", kind="blocked", path="instant-character")
    ordered = evaluations.order("Viola Refused", providers=["fal-instant"], scenarios=[scenario])
    done = evaluations.until(ordered.json()["evaluationId"], "completed", "failed")
    assert done["status"] == "completed"
    (row,) = csv.DictReader(io.StringIO(evaluations.get(done["evaluationId"], "results.csv").text))
    assert row["outcome"] == "filtered"
    assert done["counts"]["cells"] == {"total": 1, "done": 0, "failed": 1}
