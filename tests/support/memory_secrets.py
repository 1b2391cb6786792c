"""Secrets Manager in memory, as far as ours is asked; tests/aws/test_memory_secrets.py holds it to moto."""

from collections.abc import Mapping
from typing import Any

from tests.support.names import snake
from tests.support.refusal import Refusal

OPTIONS = {
    "CreateSecret": {"Name", "SecretString", "ClientRequestToken"},
    "PutSecretValue": {"SecretId", "SecretString", "ClientRequestToken"},
    "GetSecretValue": {"SecretId"},
}
"""What is known of each operation."""


class Secrets:
    """Answers the operations of Secrets Manager that we call; a secret has its last value only."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def answer(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Do what is asked, as the operation of that name does.

        Raises:
            Refusal: Secrets Manager does not do it.
        """
        known = request.keys() <= OPTIONS.get(operation, set())
        assert known, f"not known here: {operation} with {sorted(request)}"
        return dict(getattr(self, f"_{snake(operation)}")(request))

    def _create_secret(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["Name"]
        if name in self._texts:
            raise Refusal("ResourceExistsException", f"The secret {name} already exists.")
        self._texts[name] = request["SecretString"]
        return {"Name": name}

    def _put_secret_value(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = self._found(request)
        self._texts[name] = request["SecretString"]
        return {"Name": name, "VersionStages": ["AWSCURRENT"]}

    def _get_secret_value(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = self._found(request)
        return {"Name": name, "SecretString": self._texts[name], "VersionStages": ["AWSCURRENT"]}

    def _found(self, request: Mapping[str, Any]) -> str:
        name = str(request["SecretId"])
        if name not in self._texts:
            raise Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        return name
