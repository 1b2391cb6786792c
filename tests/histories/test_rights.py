"""What functions ask of AWS in a whole evaluation, and when it is erased, is what their roles may do."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.client import BaseClient

from tests.infra.test_permissions import FUNCTIONS
from tests.support.in_process.harness import TASKS, Harness, harness
from tests.support.needed_rights import Right, lacks, needed
from tests.support.scoring_fakes import DigestEncoder

ORDER = {
    "name": "Sarah",
    "className": "woman",
    "scenarios": [{"name": "rain", "prompt": "{name} in the rain"}],
}
ERASING = ("erase_evaluation", "erase_identity", "sweep")


def test_every_role_may_do_what_its_function_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.score_image.handler.shipped_encoder", lambda memory_mb: DigestEncoder(8))
    monkeypatch.setattr("functions.score_image.handler.shipped_face_encoder", lambda memory_mb: None)
    with harness(monkeypatch) as inside:
        inside.change(PROVENANCE_SECRET_NAME="provenance")
        inside.score_pictures()
        order = {**ORDER, "variations": 1, "references": inside.uploads(5)}
        taken = _noted(monkeypatch, inside)
        ordered = inside.call("create_evaluation", "POST", "/v1/evaluations", order).body
        inside.run()
        path = f"/v1/evaluations/{ordered['evaluationId']}"
        shown = inside.call("get_evaluation", "GET", path).body
        assert (shown["status"], shown["progress"]) == ("completed", 100)
        assert inside.call("erase_evaluation", "DELETE", path).status == 200
        listed = inside.call("list_identities", "GET", "/v1/identities").body
        for identity in listed["identities"]:
            path = f"/v1/identities/{identity['characterId']}"
            assert inside.call("erase_identity", "DELETE", path).status in {200, 202}
        inside.let_pass(3600)
    assert _missing(taken) == {}
    assert taken.keys() >= {*TASKS, *ERASING, "score_image"} - {"wait_for_callback"}


def test_who_is_put_off_may_wake_whoever_is_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with harness(monkeypatch) as inside:
        order = {"name": "Sarah", "provider": "fal-instant", "references": inside.uploads(1)}
        identity_id = inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"]
        path = f"/v1/identities/{identity_id}/generations"
        inside.change(FAL_SLOTS="1")
        for number in range(3):
            inside.call("create_generation", "POST", path, {"prompt": f"Sarah runs, {number}"})
        inside.let_pass(1)
        inside.simulator.arm("fal.submit", "reply", status=429, headers={"Retry-After": "3600"})
        taken = _noted(monkeypatch, inside)
        inside.run()
    assert _missing(taken) == {}
    assert {right for right, _ in taken["submit_generation"]} >= {"states:SendTaskSuccess"}


def _noted(monkeypatch: pytest.MonkeyPatch, inside: Harness) -> Mapping[str, set[Right]]:
    """The rights that each function takes from now on."""
    taken: dict[str, set[Right]] = defaultdict(set)
    call = BaseClient._make_api_call

    def note(client: BaseClient, operation: str, asked: Any) -> Any:
        service = client.meta.service_model.service_name
        if inside.function != "a test":
            taken[inside.function].update(needed(service, operation, asked))
        return call(client, operation, asked)

    wake = inside.executions.wake  # in the place of a call to AWS

    def note_wake(token: str) -> None:
        taken[inside.function].update(needed("stepfunctions", "SendTaskSuccess", {}))
        wake(token)

    monkeypatch.setattr(BaseClient, "_make_api_call", note)
    monkeypatch.setattr(inside.executions, "wake", note_wake)
    return taken


def _missing(taken: Mapping[str, set[Right]]) -> dict[str, Any]:
    """What the roles lack of it, by function."""
    missing = {name: lacks(FUNCTIONS[name], rights) for name, rights in taken.items()}
    return {name: rights for name, rights in missing.items() if rights}
