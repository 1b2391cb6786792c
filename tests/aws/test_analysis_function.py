import base64
import json
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from character_identity.aws.analysis_function import AnalysisFunction
from character_identity.domain.reference_set import ReferenceAnalysis
from character_identity.observability import log_keys

IMAGES = [b"one", b"two"]
ANSWER = {
    "analyses": [{"faces": 1}, {"faces": None}],
    "similarities": [[1, 0.5], [0.5, 1]],
    "encoder": "tiny",
}


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


def changed(**changes: Any) -> bytes:
    return json.dumps(ANSWER | changes).encode()


def test_the_function_is_shown_the_images_themselves() -> None:
    client = Lambda(changed())
    with log_keys(correlation_id="r1"):
        analysis = AnalysisFunction(client, "analyze").analyze(IMAGES)
    assert analysis == ReferenceAnalysis([1, None], [[1, 0.5], [0.5, 1]], "tiny")
    ((name, request),) = client.asked
    assert request["correlation_id"] == "r1"
    assert (name, [base64.b64decode(image) for image in request["analyze"]]) == ("analyze", IMAGES)


@pytest.mark.parametrize(
    "answer",
    [
        b'{"errorType": "InvalidRequest", "errorMessage": "broken"}',
        b"null",
        b"<html>",
        changed(analyses=[{"faces": 1}]),
        changed(analyses=[{"faces": -1}, {"faces": 1}]),
        changed(analyses=[{}, {}]),
        changed(similarities=[[1, 0.5]]),
        changed(similarities=[[1, 0.5], [0.5]]),
        changed(similarities=[[1, float("nan")], [0.5, 1]]),
        changed(encoder=None),
        ReadTimeoutError(endpoint_url="https://lambda.test"),
        ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke"),
    ],
)
def test_whoever_asks_can_do_without(answer: Any) -> None:
    assert AnalysisFunction(Lambda(answer), "analyze").analyze(IMAGES) is None


def test_a_function_that_is_not_configured_is_not_called() -> None:
    client = Lambda(changed())
    assert AnalysisFunction(client, "").analyze(IMAGES) is None
    assert client.asked == []
