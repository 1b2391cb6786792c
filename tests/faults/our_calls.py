"""Faults of our own calls: to the table, the bucket, the state machines, and free ones to providers."""

import httpx
from botocore.exceptions import ClientError

from tests.faults.rows import GOOD, UNKNOWN, Row, Split, at_each_call, at_each_step, raising
from tests.faults.scenario import Scenario
from tests.support.in_process.executions import Crash, Execution
from tests.support.in_process.fault_injection import ANSWER, Side

IN_A_ROW = 20
WRITES = ("dynamodb PutItem", "dynamodb UpdateItem", "dynamodb DeleteItem")
"""Each for itself: what is written together has a token by which it is known, and is done once."""
READS = (
    "dynamodb GetItem",
    "dynamodb Query",
    "s3 GetObject",
    "s3 ListObjects",
    "secretsmanager GetSecretValue",
    "GET ",
    "workflows.is_running",
)


class _Moments:
    """Skips crashes that do not differ: of a function that has written nothing since the last one."""

    def __init__(self) -> None:
        self._new = True

    def new(self, what: str) -> bool:
        """Return True if a crash before this call, or answer, differs from the last."""
        new, self._new = self._new, not what.startswith(READS)
        return new


def _crash(scenario: Scenario, split: Split) -> None:
    at_each_call(scenario, split, "before", raising(Crash()), _Moments().new)


def _crash_without_webhooks(scenario: Scenario, split: Split) -> None:
    scenario.harness.change(WEBHOOK_URL="off")
    _crash(scenario, split)


def _throttled_once(scenario: Scenario, split: Split) -> None:
    at_each_call(scenario, split, "before", raising(_throttled()), _is_aws)


def _throttled_for_a_while(scenario: Scenario, split: Split) -> None:
    left = IN_A_ROW

    def refuse(what: str, side: Side) -> None:
        nonlocal left
        if left and side == "before" and _is_table(what):
            left -= 1
            raise _throttled()

    def begin(execution: Execution) -> None:
        scenario.harness.faulty_transport.moment = refuse

    at_each_step(scenario, split, begin)


def _sent_again(scenario: Scenario, split: Split) -> None:
    scenario.harness.faulty_transport.sent_again = WRITES


def _unanswered(scenario: Scenario, split: Split) -> None:
    paid = scenario.workflow.paid_call
    no_answer = raising(httpx.ReadTimeout("no answer"))
    at_each_call(scenario, split, "after", no_answer, lambda what: "/" in what and what != paid)


def _is_aws(what: str) -> bool:
    return not what.startswith(("GET ", "POST ", "PUT ", "DELETE ", ANSWER))


def _is_table(what: str) -> bool:
    return what.startswith("dynamodb ")


def _throttled() -> ClientError:
    error = {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slow down"}}
    return ClientError(error, "Any")


ROWS = (
    Row("Crash before or after each I/O call", _crash, GOOD | UNKNOWN),
    Row("Crash before or after each I/O call, webhooks off", _crash_without_webhooks, GOOD | UNKNOWN),
    Row("Each call to AWS throttled, once", _throttled_once, GOOD | UNKNOWN),
    Row(f"The table throttles {IN_A_ROW} calls in a row, from each step on", _throttled_for_a_while),
    Row("Each write to the table takes effect, its answer is lost, and it is sent again", _sent_again),
    Row("Each free call to the provider takes effect, and its answer is lost", _unanswered),
)
