"""The columns: what can be ordered, and of whom."""

from copy import copy
from dataclasses import dataclass
from typing import Any, Literal

from character_identity.domain.job import Account
from tests.support.handlers import Answer
from tests.support.in_process.harness import Harness

OWNER = "ann"
REFERENCES = {"fal-instant": 1, "fal-lora": 5, "astria": 4}
IMAGES = 2


@dataclass(frozen=True)
class Workflow:
    """``paid_call`` costs money, as the transport names it; the rest are operations of the simulators.

    ``file`` is a part of the links to what is made that no others have; empty where no bytes come to us.
    """

    kind: Literal["train", "generate"]
    provider: Literal["fal-instant", "fal-lora", "astria"]
    paid_call: str
    submit: str
    polls: tuple[str, ...]
    file: str = ""

    @property
    def name(self) -> str:
        return f"{self.kind} with {self.provider}"

    @property
    def trains(self) -> bool:
        return self.kind == "train"

    @property
    def account(self) -> Account:
        return "astria" if self.provider == "astria" else "fal"


FAL_MODELS = "POST /fal/queue/fal-ai"
FAL = ("fal.submit", ("fal.status", "fal.result"))
WORKFLOWS = (
    Workflow("train", "fal-lora", f"{FAL_MODELS}/flux-lora-fast-training", *FAL, "safetensors"),
    Workflow("train", "astria", "POST /astria/tunes", "astria.create_tune", ("astria.get_tune",)),
    Workflow("generate", "fal-instant", f"{FAL_MODELS}/instant-character", *FAL, "picture"),
    Workflow("generate", "fal-lora", f"{FAL_MODELS}/flux-lora", *FAL, "picture"),
    Workflow(
        "generate",
        "astria",
        "POST /astria/tunes/1504944/prompts",
        "astria.create_prompt",
        ("astria.get_prompt",),
        "media/",
    ),
)


class Caller:
    """Ann, who has what it takes to order: references, or an identity that is ready."""

    def __init__(self, harness: Harness, workflow: Workflow) -> None:
        self._harness = harness
        self.workflow = workflow
        self._references = harness.uploads(REFERENCES[workflow.provider])
        self.identity_id = "" if workflow.trains else self._ready_identity()

    def inside(self, harness: Harness) -> "Caller":
        """Return the same caller, who orders in a harness that goes on from here."""
        other = copy(self)
        other._harness = harness
        return other

    def ask(self) -> Answer:
        """Send the request, always the same."""
        return self._create_identity() if self.workflow.trains else self._create_generation()

    def id_in(self, answer: Answer) -> str:
        """Of what was ordered."""
        return str(answer.body["characterId" if self.workflow.trains else "generationId"])

    def _create_identity(self) -> Answer:
        body: dict[str, Any] = {
            "name": "Sarah",
            "provider": self.workflow.provider,
            "references": self._references,
            "className": "woman",
        }
        return self._harness.call(
            "create_identity", "POST", "/v1/identities", body, headers=_key("character")
        )

    def _create_generation(self) -> Answer:
        path = f"/v1/identities/{self.identity_id}/generations"
        body = {"prompt": "Sarah runs", "numImages": IMAGES}
        return self._harness.call("create_generation", "POST", path, body, headers=_key("pictures"))

    def _ready_identity(self) -> str:
        identity_id = str(self._create_identity().body["characterId"])
        self._harness.run()
        return identity_id


def _key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}
