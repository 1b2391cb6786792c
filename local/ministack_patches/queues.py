"""Makes ministack feed functions from queues as Lambda does, and keep the time of the run.

Knows ministack 1.5.33 from inside. Each function below is one correction and has a test of the same name in
tests/local/ministack_patches/test_queues.py that fails without it.
"""

import time
from typing import Any

import ministack.services.cloudformation.provisioners as provisioners
import ministack.services.lambda_svc as lambda_service
import ministack.services.sqs as sqs

Document = dict[str, Any]


def install(wait_scale: float) -> None:
    """Make all corrections; once, before the first deployment."""
    take_numbers_from_parameters()
    bring_back_what_failed(wait_scale)


def take_numbers_from_parameters() -> None:
    """A limit that is a parameter of the stack is a number; ministack takes a text, and stops polling."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    create = handler["create"]

    def create_with_numbers(logical_id: str, properties: Document, stack: str) -> Any:
        scaling = properties.get("ScalingConfig")
        if scaling:
            limit = int(scaling["MaximumConcurrency"])
            properties = {**properties, "ScalingConfig": {"MaximumConcurrency": limit}}
        return create(logical_id, properties, stack)

    handler["create"] = create_with_numbers


def bring_back_what_failed(wait_scale: float) -> None:
    """The time after which a failed message comes again is a wait like those of state machines.

    It counts from the failure: how long the function takes is not scaled.
    """
    run = lambda_service._run_sqs_batch

    def run_and_bring_back(
        mapping: Document, function: Document, event: Document, batch: list[Document], url: str, name: str
    ) -> None:
        run(mapping, function, event, batch, url, name)
        with sqs._queues_lock:
            hidden_s = int(sqs._get_q(url)["attributes"].get("VisibilityTimeout", "30")) * wait_scale
            for message in batch:  # those that succeeded are in no queue any more
                message["visible_at"] = min(message["visible_at"], time.time() + hidden_s)

    lambda_service._run_sqs_batch = run_and_bring_back
