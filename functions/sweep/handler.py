"""EventBridge, every minute: settle what is due and nobody has seen to.

A direct call with ``{"all": true}``, after an outage, looks at all that is open, whether it is due or not.
"""

import logging
from datetime import timedelta
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from character_identity.domain.budget import month_of
from character_identity.handlers.tasks import event_handler
from character_identity.observability import at_any_level, metrics_namespace
from character_identity.wiring import Services

LONGEST_ROW = timedelta(seconds=45)
"""An erasure: 15 s at its provider and the call that is under way then; our own rows and objects."""
LATE = timedelta(hours=1)
ALL = timedelta(days=1)
"""Ahead; no open row is ever put off for longer."""

logger = logging.getLogger(__name__)


class WorkIsLeft(Exception):
    """The sweep did what it could; that somebody should look at the rest, the function's alarm tells."""


def sweep(services: Services, event: dict[str, Any], context: Any) -> None:
    left = timedelta(milliseconds=context.get_remaining_time_in_millis())
    ahead = ALL if event.get("all") else timedelta()
    swept = services.sweep.sweep(services.now() + left - LONGEST_ROW, ahead)
    counts = {"done": swept.done, "failed": swept.failed, "late_s": swept.late.total_seconds()}
    logger.info("swept", extra=counts)
    metrics = EphemeralMetrics(namespace=metrics_namespace(), service="sweep")
    metrics.add_metric("RowsSettled", MetricUnit.Count, swept.done)
    metrics.add_metric("RowsFailed", MetricUnit.Count, swept.failed)
    metrics.add_metric("LongestWait", MetricUnit.Seconds, swept.late.total_seconds())
    month = services.budget_table.of_operator(month_of(services.now()))
    metrics.add_metric("OperatorBudgetUsed", MetricUnit.Percent, month.used_percent)
    for name, said in at_any_level().items():
        metrics.add_metadata(name, said)
    metrics.flush_metrics()
    if swept.failed or swept.late > LATE:
        raise WorkIsLeft(f"{swept.failed} rows failed, and the oldest had been due for {swept.late}.")


lambda_handler = event_handler(sweep)
