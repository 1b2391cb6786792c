import json

import pytest

from character_identity.domain.failure import Failure


def test_our_own_error_is_taken_as_it_is() -> None:
    error = {"code": "training_failed", "message": "no face"}
    assert Failure.of_state(error) == Failure(code="training_failed", message="no face")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ProviderOutcomeUnknown", "provider_outcome_unknown"),
        ("States.Timeout", "states_timeout"),
        ("Lambda.Unknown", "lambda_unknown"),
    ],
)
def test_an_error_name_becomes_a_code(name: str, code: str) -> None:
    assert Failure.of_state({"Error": name, "Cause": "why"}) == Failure(code=code, message="why")


def test_the_message_of_a_lambda_error_is_unpacked() -> None:
    cause = json.dumps(
        {"errorType": "ProviderRejected", "errorMessage": "fal: bad archive", "stackTrace": []}
    )
    assert Failure.of_state({"Error": "ProviderRejected", "Cause": cause}).message == "fal: bad archive"


def test_an_empty_error_still_says_something() -> None:
    assert Failure.of_state({}).message == "States.Unknown"
