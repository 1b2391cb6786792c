"""Our session finds what botocore's finds, without looking through all services."""

import os
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import UnknownServiceError

from character_identity.aws.session import Session


def test_a_client_is_botocores(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = botocore.session.Session().create_client("dynamodb")
    looked_into: list[Any] = []
    look = os.listdir

    def listed(path: Any) -> list[str]:
        looked_into.append(path)
        return look(path)

    monkeypatch.setattr(os, "listdir", listed)
    client = Session().client("dynamodb")
    assert len(looked_into) < 20
    assert client.meta.service_model.metadata == expected.meta.service_model.metadata
    assert client.meta.method_to_api_mapping == expected.meta.method_to_api_mapping
    assert client.meta.endpoint_url == expected.meta.endpoint_url
    assert client.can_paginate("scan") is expected.can_paginate("scan") is True
    assert client.can_paginate("get_item") is expected.can_paginate("get_item") is False


def test_a_service_that_is_none_is_named() -> None:
    with pytest.raises(UnknownServiceError, match="'nothing'"):
        Session().client("nothing")
