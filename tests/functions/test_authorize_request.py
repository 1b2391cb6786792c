from typing import Any

import pytest

from functions.authorize_request import handler
from tests.support.handlers import Context


class Verifier:
    def owner_of(self, token: str | None) -> str | None:
        return "ann" if token == "good" else None


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({"authorization": "Bearer good"}, {"isAuthorized": True, "context": {"owner": "ann"}}),
        ({"authorization": "Bearer bad"}, {"isAuthorized": False, "context": {"owner": ""}}),
        (None, {"isAuthorized": False, "context": {"owner": ""}}),
    ],
)
def test_the_answer_is_a_simple_response(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str] | None, answer: dict[str, Any]
) -> None:
    monkeypatch.setattr(handler, "verifier", Verifier)
    assert handler.lambda_handler({"headers": headers}, Context()) == answer
