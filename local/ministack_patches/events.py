"""Makes ministack's EventBridge keep the time of the run.

Knows ministack 1.5.33 from inside. Each function below is one correction and has a test of the same name in
tests/local/ministack_patches/test_events.py that fails without it.
"""

import ministack.services.eventbridge as event_bridge

POLL_EVERY_S = 10.0  # how often ministack looks for rules that are due
POLL_AT_MOST_EVERY_S = 0.5


def install(wait_scale: float) -> None:
    """Make all corrections; once, before ministack starts."""
    scale_rates(wait_scale)


def scale_rates(wait_scale: float) -> None:
    """``rate(1 minute)`` is a wait like those of state machines: whoever shortens these shortens it too."""
    rate_s = event_bridge._parse_rate_seconds

    def scaled_rate_s(expression: str) -> float | None:
        seconds = rate_s(expression)
        return None if seconds is None else seconds * wait_scale

    event_bridge._parse_rate_seconds = scaled_rate_s
    event_bridge._SCHEDULER_TICK_INTERVAL = max(POLL_AT_MOST_EVERY_S, POLL_EVERY_S * wait_scale)
