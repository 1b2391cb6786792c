"""Recompilation: results are made anew once an evaluation has ended, by another run of its machine."""

from hashlib import sha256

from character_identity.domain.job import ProviderJob
from character_identity.ports.gateways import Workflows

LATER_RUNS = 1_000
"""Runs of higher numbers make results anew; each reason has one of its own."""


def recompile(workflows: Workflows, job: ProviderJob, reason_id: str) -> None:
    """Have the results of an evaluation that has ended written of what is there now: once for each reason.

    Whoever has deleted results needs a reason that none has had: a run that is over is not begun again.
    """
    number = int(sha256(reason_id.encode()).hexdigest()[:8], 16)
    workflows.start(job.replace(runs=LATER_RUNS + number))
