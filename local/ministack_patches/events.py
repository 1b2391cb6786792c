"""Makes ministack's EventBridge call functions as EventBridge does, and keep the time of the run.

Knows ministack 1.5.33 from inside. Each function below is one correction and has a test of the same name in
tests/local/ministack_patches/test_events.py that fails without it.
"""

import json

import ministack.services.eventbridge as event_bridge
import ministack.services.lambda_svc as lambda_service

POLL_EVERY_S = 10.0  # how often ministack looks for rules that are due
POLL_AT_MOST_EVERY_S = 0.5


def install(wait_scale: float) -> None:
    """Make all corrections; once, before ministack starts."""
    call_functions_until_they_succeed()
    scale_rates(wait_scale)


def call_functions_until_they_succeed() -> None:
    """A function that a rule calls is tried again and has a destination for failures; here it would not."""

    def call(arn: str, payload: str) -> None:
        function, config, _ = lambda_service._get_func_record_for_ref(arn)
        if function and config:
            record = lambda_service._execution_record_for_config(function, config)
            lambda_service.invoke_async_with_retry(record, json.loads(payload))

    event_bridge._dispatch_to_lambda = call


def scale_rates(wait_scale: float) -> None:
    """``rate(1 minute)`` is a wait like those of state machines: whoever shortens these shortens it too."""
    rate_s = event_bridge._parse_rate_seconds

    def scaled_rate_s(expression: str) -> float | None:
        seconds = rate_s(expression)
        return None if seconds is None else seconds * wait_scale

    event_bridge._parse_rate_seconds = scaled_rate_s
    event_bridge._SCHEDULER_TICK_INTERVAL = max(POLL_AT_MOST_EVERY_S, POLL_EVERY_S * wait_scale)
