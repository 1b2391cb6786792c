"""Faults of webhooks."""

from typing import Any

import httpx

from tests.faults.rows import Arrange, Row, Split
from tests.faults.scenario import Scenario
from tests.faults.workflows import Workflow
from tests.support.in_process.executions import Execution
from tests.support.in_process.harness import CALLBACKS_TO

OFTEN = 50
SOON_S, LATE_S = 45, 3 * 3600
"""While it is still waited for, and when all is over."""


def _like(come: int, **habits: Any) -> Arrange:
    """Both providers have the same habits, by the simulators' settings; ``come``: how many arrive."""

    def arrange(scenario: Scenario, split: Split) -> None:
        _change(scenario, **habits)
        _expect(scenario, come)

    return arrange


def _change(scenario: Scenario, **habits: Any) -> None:
    for name, value in habits.items():
        scenario.harness.simulator.change(**{f"fal_webhook_{name}": value, f"astria_callback_{name}": value})


def _expect(scenario: Scenario, count: int) -> None:
    posts = scenario.harness.web.posts
    before = len(posts)
    scenario.must_hold(f"{count} webhooks came", lambda: len(posts) - before == count)


def _off(scenario: Scenario, split: Split) -> None:
    scenario.harness.change(WEBHOOK_URL="off")
    _expect(scenario, 0)


def _late(scenario: Scenario, split: Split) -> None:
    for delay_s in (SOON_S, LATE_S):
        if split(f"{delay_s} s"):
            _change(scenario, delay_s=delay_s)
            return


def _signed_wrongly(scenario: Scenario, split: Split) -> None:
    for manner in ("forged", "stale"):
        if split(manner):
            scenario.harness.simulator.change(fal_webhook_signature=manner)
            _expect(scenario, 1)
            return


def _forged(scenario: Scenario, split: Split) -> None:
    """Before each step, somebody who knows the job's id but not its secret says that it has ended."""
    harness, account = scenario.harness, scenario.workflow.account
    kind = "training" if scenario.workflow.trains else "generation"

    def forge(execution: Execution) -> None:
        job_id = f"{kind}-{execution.name}"
        path = {"fal": f"fal?job={job_id}&token=guessed", "astria": f"astria/{job_id}.guessed"}[account]
        post = httpx.Request("POST", f"{CALLBACKS_TO}/webhooks/{path}", json={"request_id": "mine", "id": 1})
        assert harness.receive(post) in {401, 404}

    harness.before_step = forge


def _only_fal(workflow: Workflow) -> str | None:
    return (
        None
        if workflow.account == "fal"
        else "Astria signs nothing: the secret in the address is all there is."
    )


ROWS = (
    Row("Webhooks off", _off),
    Row("Webhook dropped", _like(0, copies=0)),
    Row(f"Webhook late: by {SOON_S} s, by {LATE_S // 3600} h", _late),
    Row("Webhook before the answer to the order", _like(1, early=True)),
    Row(f"Webhook {OFTEN} times", _like(OFTEN, copies=OFTEN)),
    Row("Webhook about another job", _like(1, about="another")),
    Row("Webhook forged: wrong secret, before each step", _forged),
    Row("Webhook forged: wrong key, or signed ten minutes ago", _signed_wrongly, spares=_only_fal),
)
