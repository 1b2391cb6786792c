"""What every log line says beside its message: which request, job and provider it is about.

Whoever knows more of that adds it here, and logs as usual; Lambda writes each record as a line of JSON.
"""

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

ORIGIN = ("correlation_id", "job_id", "provider", "evaluation_id")
"""What goes along with a job, the last with those of an evaluation only. The correlation id is API Gateway's
id of the call that ordered it."""
QUIET = [*map(logging.getLogger, ("boto3", "botocore", "httpcore", "httpx", "PIL", "s3transfer", "urllib3"))]
"""They log addresses, which may be signed, at a level at which we log."""


class Job(Protocol):
    """What lines say of a job."""

    @property
    def correlation_id(self) -> str: ...
    @property
    def job_id(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def evaluation_id(self) -> str | None: ...


_keys: ContextVar[dict[str, str] | None] = ContextVar("log_keys", default=None)


@contextmanager
def log_keys(**keys: str | None) -> Iterator[None]:
    """Have the lines of a piece of work say this; what it adds meanwhile goes with it."""
    _set_up()
    before = _keys.set({**(_keys.get() or {}), **_known(keys)})
    try:
        yield
    finally:
        _keys.reset(before)


def add_log_keys(**keys: str | None) -> None:
    """Have all further lines of the piece of work say this too; what is not known changes nothing."""
    said = _keys.get()
    if said is not None:
        said.update(_known(keys))


def keys_of(job: Job) -> dict[str, str | None]:
    """Return what the lines about a job say, whoever works on it."""
    return {name: getattr(job, name) for name in ORIGIN}


def origin() -> dict[str, str]:
    """Return where the piece of work at hand comes from, to be kept with what it makes."""
    return {name: value for name, value in (_keys.get() or {}).items() if name in ORIGIN}


def metrics_namespace() -> str:
    """The namespace of our metrics: in a stack its name, so that no stage alarms for another."""
    return os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "CharacterIdentity")


def count(metric: str) -> None:
    """Count something for an alarm, in the embedded metric format, which CloudWatch reads from the log.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html,
    read 2026-11-28. Without dimensions, so that an alarm hears of it whichever function counted.
    """
    declared = {
        "Namespace": metrics_namespace(),
        "Dimensions": [[]],
        "Metrics": [{"Name": metric, "Unit": "Count"}],
    }
    about = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [declared]}
    print(json.dumps({"_aws": about, metric: 1, **at_any_level(), **(_keys.get() or {})}))


def at_any_level() -> dict[str, str]:
    """What a line that is printed says of itself, so that Lambda writes it from whichever level on it logs.

    One without a level and a time counts as INFO, and is dropped where functions log from WARN on: "Log-level
    filtering" in Lambda's guide, https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html,
    read 2026-11-29.
    """
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"level": os.environ.get("AWS_LAMBDA_LOG_LEVEL") or "INFO", "timestamp": now}


def _known(keys: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in keys.items() if value}


class _Keys(logging.Filter):
    """Puts the keys on each record, whoever logs it; what it says itself stays."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in (_keys.get() or {}).items():
            vars(record).setdefault(name, value)
        return True


KEYS = _Keys()


def _set_up() -> None:
    """Let the handlers that the runtime has installed by now write the keys; again changes nothing."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(KEYS)
    for quiet in QUIET:
        if quiet.level != logging.WARNING:  # setting it has every logger forget what it knows
            quiet.setLevel(logging.WARNING)
