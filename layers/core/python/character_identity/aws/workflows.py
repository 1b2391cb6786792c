"""Starts the state machines."""

import json
from typing import Any

from botocore.exceptions import ClientError


class StateMachines:
    """Executions are named after the identity or generation, so starting one twice changes nothing."""

    def __init__(self, client: Any, train_identity_arn: str | None, generate_images_arn: str | None) -> None:
        self._client = client
        self._train_identity_arn = train_identity_arn
        self._generate_images_arn = generate_images_arn

    def train(self, state: dict[str, Any]) -> None:
        """Start ``train_identity`` for ``state["identity_id"]``."""
        self._start(self._train_identity_arn, state["identity_id"], state)

    def generate(self, state: dict[str, Any]) -> None:
        """Start ``generate_images`` for ``state["generation_id"]``."""
        self._start(self._generate_images_arn, state["generation_id"], state)

    def _start(self, arn: str | None, name: str, state: dict[str, Any]) -> None:
        try:
            self._client.start_execution(stateMachineArn=arn, name=name, input=json.dumps(state))
        except ClientError as exc:
            if exc.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
