"""Orders of fal's: the endpoints, and one call of one of them."""

from dataclasses import dataclass
from typing import Any

from local.simulators.fal.options import CallOptions
from local.simulators.faults import Fault, JobFault

INSTANT = "fal-ai/instant-character"
TRAINING = "fal-ai/flux-lora-fast-training"
LORA = "fal-ai/flux-lora"
FLUX = "fal-ai/flux/dev"
ENDPOINTS = (INSTANT, TRAINING, LORA, FLUX)
DEFAULT_STEPS = 1000


@dataclass(frozen=True)
class Order:
    """One call of an endpoint; ``origin`` is where its files will be linked to."""

    endpoint: str
    body: bytes
    origin: str
    options: CallOptions
    fault: Fault | None = None

    def suffers(self, kind: JobFault) -> bool:
        """Return True if this fault was armed for it."""
        return self.fault is not None and self.fault.kind == kind


def application_of(endpoint: str) -> str:
    """``owner/alias`` of an endpoint: what its requests are named under."""
    return "/".join(endpoint.split("/")[:2])


def is_application(application: str) -> bool:
    """Return True if fal has it."""
    return application in map(application_of, ENDPOINTS)


def training_steps(payload: Any) -> int:
    """Return the number of steps that a training input asks for."""
    steps = payload.get("steps") if isinstance(payload, dict) else None
    return steps if isinstance(steps, int) else DEFAULT_STEPS
