"""What a request says beside its body."""

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from character_identity.http import preferred_wait_s, proxy_app


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("respond-async", None),
        ("wait=0", 0),
        ("wait=5", 5),
        ("Wait = 5", 5),
        ("respond-async, wait=100", 100),
        ("wait=-1", None),
        ("wait=soon", None),
        ("await=5", None),
    ],
)
def test_a_caller_may_say_how_long_it_waits(header: str | None, seconds: float | None) -> None:
    app = proxy_app("GET")
    app.current_event = APIGatewayProxyEventV2({"headers": {} if header is None else {"prefer": header}})
    assert preferred_wait_s(app) == seconds
