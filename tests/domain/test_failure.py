import json

import pytest

from character_identity.domain.errors import KINDS, NotFound, ProviderRejected, ServiceError
from character_identity.domain.failure import Failure
from character_identity.domain.text import LONGEST_MESSAGE


def test_our_own_error_is_taken_as_it_is() -> None:
    error = {"code": "training_failed", "message": "no face"}
    assert Failure.of_state(error) == Failure(code="training_failed", message="no face")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ProviderOutcomeUnknown", "provider_outcome_unknown"),
        ("ProviderRejected", "provider_rejected"),
        ("Blocked", "filtered"),
        ("States.Timeout", "internal_error"),
        ("Lambda.Unknown", "internal_error"),
        ("KeyError", "internal_error"),
        ("Runtime.ExitError", "internal_error"),
    ],
)
def test_the_name_of_an_error_of_ours_becomes_its_code_and_no_other_does(name: str, code: str) -> None:
    assert Failure.of_state({"Error": name, "Cause": "why"}) == Failure(code=code, message="why")


def test_the_message_of_a_lambda_error_is_unpacked() -> None:
    cause = json.dumps(
        {"errorType": "ProviderRejected", "errorMessage": "fal: bad archive", "stackTrace": []}
    )
    assert Failure.of_state({"Error": "ProviderRejected", "Cause": cause}).message == "fal: bad archive"


def test_an_empty_error_still_says_something() -> None:
    assert Failure.of_state({}).message == "States.Unknown"


@pytest.mark.parametrize(
    "error",
    [ServiceError("x" * 200_000), NotFound("x" * 200_000), ProviderRejected("fal", "x" * 200_000)],
    ids=lambda error: type(error).__name__,
)
def test_whatever_an_error_quotes_its_message_is_short(error: ServiceError) -> None:
    assert len(error.message) == len(str(error)) == LONGEST_MESSAGE
    assert error.code in KINDS


def test_what_aws_says_of_our_resources_is_not_told_to_callers() -> None:
    """It is in the log of the task; ours are worded for callers, and stay as they are."""
    role, table = (
        "arn:aws:sts::111122223333:assumed-role/Stack-StoreImagesRole-1/StoreImages",
        "table/Stack-1",
    )
    said = (
        "An error occurred (AccessDeniedException) when calling the PutItem operation: User: "
        f"{role} is not authorized to perform: dynamodb:PutItem on resource: "
        f"arn:aws-cn:dynamodb:cn-north-1:111122223333:{table} because no policy allows it"
    )
    cause = json.dumps({"errorMessage": f"{said} https://b.test/k?X-Amz-Signature=f00d"})
    found = Failure.of_state({"Error": "ClientError", "Cause": cause})
    assert found.message == (
        "An error occurred (AccessDeniedException) when calling the PutItem operation: User: *** is not "
        "authorized to perform: dynamodb:PutItem on resource: *** because no policy allows it "
        "https://b.test/k***"
    )
    assert found.code == "internal_error"
    cut_off = Failure.of_state({"Error": "ClientError", "Cause": f'{{"errorMessage": "{said}'[:200]})
    assert "1111" not in cut_off.message
    assert Failure.of_state({"Error": "ProviderRejected", "Cause": "Really?no"}).message == "Really?no"
