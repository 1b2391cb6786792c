"""One order, from the request until nobody has anything left to do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from character_identity.domain.job import ProviderJob
from tests.faults.outcome import Facts, outcome_of
from tests.faults.workflows import Caller
from tests.support.handlers import Answer
from tests.support.in_process.harness import SWEEP_EVERY, Harness

MOST_TRIES = 30
REFRESH_INTERVAL_S = 2
"""Before a caller repeats a request that failed."""
LATER_SWEEPS = 3


class Scenario:
    """``before`` is what there was; ``subject_id`` is that of what was ordered, once that was answered."""

    def __init__(self, harness: Harness, caller: Caller, before: Facts) -> None:
        self.harness = harness
        self.workflow = caller.workflow
        self.caller = caller
        self.subject_id = ""
        self._checks: list[tuple[str, Callable[[], bool]]] = []
        self._before = before

    def tell(self) -> str:
        """Order, wait for the end, and say how it was; what must be so is checked."""
        self.subject_id = self._order()
        self.harness.run()
        for what, holds in self._checks:
            assert holds(), f"not so: {what}"
        self.harness.faulty_transport.moment = self.harness.before_step = None
        ended = Facts.of(self.harness)
        self._disturb()
        assert Facts.of(self.harness).rows == ended.rows, "something changed after the end"
        return outcome_of(self.harness, self.workflow, self._before, ended, self._job_in(ended))

    def must_hold(self, what: str, holds: Callable[[], bool]) -> None:
        """Check something at the end: that the fault happened, say."""
        self._checks.append((what, holds))

    def arm(self, operation: str, kind: str, times: int = 1, **fault: Any) -> None:
        """Have a fault happen at the provider."""
        self.harness.simulator.arm(operation, kind, times=times, **fault)
        armed = self.harness.simulator.state.faults.armed[-1]
        self.must_hold(f"{operation} was called", lambda: armed.times < times)

    def request(self, name: str, method: str, path: str) -> None:
        """Another request, repeated while it fails."""
        for _ in range(MOST_TRIES):
            answer = self.harness.call(name, method, path)
            if answer.status < 300:
                return
            assert answer.status >= 500, answer
            self.harness.let_pass(REFRESH_INTERVAL_S)
        raise AssertionError(f"{method} {path} failed {MOST_TRIES} times: {answer}")

    def job(self) -> ProviderJob:
        """The row of the ledger."""
        return self._job_in(Facts.of(self.harness))

    def _job_in(self, facts: Facts) -> ProviderJob:
        kind = "training" if self.workflow.trains else "generation"
        return ProviderJob.model_validate(facts.rows[f"JOB#{kind}-{self.subject_id}"])

    def _order(self) -> str:
        """Order as a caller does who repeats what failed; the id of what was ordered."""
        for _ in range(MOST_TRIES):
            answer = self.caller.ask()
            if answer.status < 300:
                return self.caller.id_in(answer)
            assert answer.status in {409, 500}, answer
            self.harness.let_pass(float(answer.headers.get("Retry-After", REFRESH_INTERVAL_S)))
        raise AssertionError(f"the order failed {MOST_TRIES} times: {answer}")

    def _disturb(self) -> None:
        """Do what must change nothing any more: callbacks, late and again; sweeps; the request once more."""
        late = list(self.harness.clock.waiting.values())
        if late:
            self.harness.let_pass((max(late) - self.harness.now()).total_seconds())
        for post in list(self.harness.web.posts):
            self.harness.receive(post)
        for _ in range(LATER_SWEEPS):
            self.harness.simulator.let_pass(timedelta.total_seconds(SWEEP_EVERY))
            self.harness.sweep()
        again: Answer = self.caller.ask()
        assert again.status == 404 or self.caller.id_in(again) == self.subject_id, f"another order: {again}"
