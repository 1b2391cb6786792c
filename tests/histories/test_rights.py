"""What functions ask of AWS in a whole evaluation, and when it is erased, is what their roles may do."""

from collections import defaultdict
from typing import Any

import pytest
from botocore.client import BaseClient

from tests.infra.test_permissions import FUNCTIONS
from tests.support.in_process.harness import TASKS, harness
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
    taken: dict[str, set[Right]] = defaultdict(set)
    with harness(monkeypatch) as inside:
        call = BaseClient._make_api_call

        def note(client: BaseClient, operation: str, asked: Any) -> Any:
            service = client.meta.service_model.service_name
            taken[inside.function].update(needed(service, operation, asked))
            return call(client, operation, asked)

        inside.change(PROVENANCE_SECRET_NAME="provenance")
        inside.score_pictures()
        order = {**ORDER, "variations": 1, "references": inside.uploads(5)}
        monkeypatch.setattr(BaseClient, "_make_api_call", note)
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
    taken.pop("a test", None)
    missing = {name: lacks(FUNCTIONS[name], rights) for name, rights in taken.items()}
    assert {name: rights for name, rights in missing.items() if rights} == {}
    assert taken.keys() >= {*TASKS, *ERASING, "score_image"} - {"wait_for_callback"}
