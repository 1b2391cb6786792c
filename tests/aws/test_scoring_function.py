import json
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from character_identity.aws.scoring_function import ScoringFunction

KEYS = ["references/i1/0001.jpg", "references/i1/0002.jpg"]


class Lambda:
    """Answers an invocation; records what was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[Any] = []

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        self.asked.append((FunctionName, json.loads(Payload)))
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"StatusCode": 200, "Payload": BytesIO(self.answer)}


def test_the_choice_is_the_functions() -> None:
    client = Lambda(json.dumps({"mostCentral": KEYS[1]}).encode())
    assert ScoringFunction(client, "score").most_central(KEYS) == KEYS[1]
    assert client.asked == [("score", {"references": KEYS})]


@pytest.mark.parametrize(
    "answer",
    [
        b'{"errorType": "InvalidRequest", "errorMessage": "broken"}',
        b'{"mostCentral": "references/somebody/0001.jpg"}',
        b"null",
        b"<html>",
        ReadTimeoutError(endpoint_url="https://lambda.test"),
        ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke"),
    ],
)
def test_whoever_asks_can_do_without(answer: Any) -> None:
    assert ScoringFunction(Lambda(answer), "score").most_central(KEYS) is None
