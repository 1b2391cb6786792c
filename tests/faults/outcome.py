"""Outcome of an order: what must be so when it has ended, whatever happened to it."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from character_identity.domain.budget import microusd
from character_identity.domain.generation import Generation
from character_identity.domain.identity import Identity
from character_identity.domain.job import ProviderJob
from character_identity.domain.scored_generation import LATE_CODE
from character_identity.outbound.lora_file import check_weights
from tests.faults.workflows import OWNER, Workflow
from tests.support.in_process.harness import Harness
from tests.support.in_process.patches import inspected

MAIN_ROWS = {"IDENTITY", "GENERATION", "JOB", "EVENT"}
GOOD_EVENTS = {"ready": "IdentityReady", "succeeded": "GenerationCompleted"}
Row = dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """The rows that count, by partition, and the billable orders that the providers took."""

    rows: dict[str, Row]
    paid: list[Row]

    @classmethod
    def of(cls, harness: Harness) -> "Facts":
        """Read the facts as they are now."""
        with harness.faulty_transport.unwatched():
            items = harness.table.rows()
        budget = f"BUDGET#{OWNER}"
        return cls(
            {str(item["pk"]): item for item in items if item["pk"] == budget or _is_main(item)},
            harness.paid(),
        )

    def money(self, kind: str) -> int:
        """Return ``reserved``, ``committed`` or ``held`` of the owner's month, in millionths of a dollar."""
        return int(self.rows.get(f"BUDGET#{OWNER}", {}).get(kind, 0))


def outcome_of(harness: Harness, workflow: Workflow, before: Facts, ended: Facts, job: ProviderJob) -> str:
    """Return how an order ended and how often it was paid for, in a few words.

    Raises:
        AssertionError: something is not as it must be.
    """
    kind, subject_type = ("IDENTITY", Identity) if workflow.trains else ("GENERATION", Generation)
    row = ended.rows.get(f"{kind}#{job.subject_id}", {"status": "erased"})
    erased = row["status"] == "erased"
    paid = ended.paid[len(before.paid) :]
    _check_orders(job, paid, row["status"])
    _check_money(job, before, ended, paid)
    _check_events(job.subject_id, ended, row["status"])
    if erased:
        _check_erased(harness, workflow, job)
    else:
        subject = subject_type.model_validate(row)
        _check_weights(harness, workflow, subject)
        _check_images(harness, subject)
    ending = f"failed: {row['error']['code']}" if row.get("error") else row["status"]
    return f"{ending}, {'paid once' if paid and job.state != 'dropped' else 'not paid'}"


def _check_orders(job: ProviderJob, paid: list[Row], status: str) -> None:
    """Paid for as often as it was accepted; where nobody can tell, it is not a success."""
    times = len(paid)
    if job.state in {"intended", "unknown"}:
        assert times <= 1, f"paid {times} times"
        assert status in {"failed", "erased"}
    else:
        assert times == int(job.state in {"submitted", "dropped"}), f"{job.state}, but paid {times} times"
    if job.state == "dropped":
        assert not any(order["cost_usd"] for order in paid), "what was dropped was billed"


def _check_money(job: ProviderJob, before: Facts, ended: Facts, paid: list[Row]) -> None:
    """Nothing is set aside any more, and not less is counted than was billed."""
    assert not job.open
    assert ended.money("reserved") == 0
    assert ended.money("held") == ended.money("committed")
    billed = sum(microusd(order["cost_usd"] or 0) for order in paid)
    counted = ended.money("committed") - before.money("committed")
    assert billed <= counted <= job.reserved_microusd, f"{billed} was billed, {counted} counted"
    assert (job.money == "released") == (job.state in {"accepted", "rejected", "dropped"})


def _check_events(subject_id: str, ended: Facts, status: str) -> None:
    """One outcome was stored, and published."""
    events = [row for pk, row in ended.rows.items() if pk.startswith("EVENT#")]
    types = [row["type"] for row in events if row["subject_id"] == subject_id]
    outcomes = [kind for kind in types if kind != "IdentityErased"]
    assert len(outcomes) <= 1, types
    if status in GOOD_EVENTS:
        assert outcomes == [GOOD_EVENTS[status]]
    elif status == "failed":
        assert outcomes in (["IdentityFailed"], ["GenerationFailed"])
    assert not [row for row in events if "due_at" in row], "an event was not published"


def _check_weights(harness: Harness, workflow: Workflow, subject: Identity | Generation) -> None:
    """Check that the weights of a ready identity are good."""
    if not isinstance(subject, Identity) or subject.status != "ready":
        return
    assert subject.provider_model_id is not None
    if workflow.account == "fal":
        assert subject.weights is not None
        content = harness.stored(subject.weights.key)
        assert hashlib.sha256(content).hexdigest() == subject.weights.sha256, "other bytes than were hashed"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights"
            path.write_bytes(content)
            check_weights(path)


def _check_images(harness: Harness, subject: Identity | Generation) -> None:
    """Check that every image that succeeded can be decoded."""
    if not isinstance(subject, Generation):
        return
    good = [image for image in subject.images if image.outcome == "succeeded"]
    assert good or subject.status == "failed"
    for image in good:
        content = harness.stored(image.key or "")
        assert hashlib.sha256(content).hexdigest() == image.sha256, "other bytes than were hashed"
        assert not inspected(content).blank


def _check_erased(harness: Harness, workflow: Workflow, job: ProviderJob) -> None:
    """Nothing is left here, nor at the provider as far as it deletes."""
    assert [key for key in harness.stored_keys() if f"/{job.identity_id}/" in key] == []
    if workflow.account == "astria":
        for path in ("/tunes", "/tunes/1504944/prompts"):
            assert harness.simulator.astria("GET", path).json() == []
    elif job.handle is not None:  # without it nobody can tell what to delete
        kept = [file["name"] for file in harness.simulator.files("fal")]
        assert all(name.startswith("files/u/") for name in kept), f"more than uploads is left: {kept}"


def _is_main(item: Row) -> bool:
    """Return True if a row is a subject, a job or an event, and not one that lies beside it.

    That a picture was not scored within hours is no outcome of the order: mostly there is no scorer here.
    """
    is_late_score = str(item.get("subject_id", "")).endswith(LATE_CODE)
    return item["sk"] in MAIN_ROWS and item["pk"].startswith(f"{item['sk']}#") and not is_late_score
