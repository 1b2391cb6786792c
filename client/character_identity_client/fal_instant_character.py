"""fal.ai Instant Character: pictures from one to three reference images, without training."""

from collections.abc import Sequence

from character_identity_client.character import (
    CharacterGenerationParams,
    CharacterGenerationResult,
    CharacterIdentityMetadata,
    CharacterIdentityResult,
    ProjectContext,
    ProviderName,
)
from character_identity_client.fal_images import generate
from character_identity_client.session import configured, required
from character_identity_client.steps import Progress, new_id, silent

PROVIDER: ProviderName = "fal-instant"
NAME = "Fal.ai Instant Character"
MOST_REFERENCES = 3
IMAGE_COST_USD = 0.10
"""An estimate, as in the front end; the API's own answers say what was paid."""


def is_fal_instant_character_available() -> bool:
    """Return True if a session is configured."""
    return configured(PROVIDER) is not None


def create_instant_character_identity(
    character_name: str, reference_images: Sequence[str], on_progress: Progress | None = None
) -> CharacterIdentityResult:
    """An identity of the first three references; nothing is sent anywhere.

    Raises:
        ServiceFailed: no session is configured.
    """
    now = required(PROVIDER, NAME).now()
    report = on_progress or silent
    report(50)
    identity = CharacterIdentityResult(
        character_id=new_id("instant-char", now),
        provider=PROVIDER,
        reference_urls=list(reference_images[:MOST_REFERENCES]),
        status="ready",
        metadata=CharacterIdentityMetadata(training_time=0, cost=0, created_at=now),
    )
    report(100)
    return identity


def generate_with_instant_character(
    params: CharacterGenerationParams,
    character_identity: CharacterIdentityResult,
    on_progress: Progress | None = None,
    context: ProjectContext | None = None,
) -> CharacterGenerationResult:
    """A picture of the character.

    Raises:
        ServiceFailed: there is none.
    """
    return generate(
        required(PROVIDER, NAME),
        params,
        provider=PROVIDER,
        path="/api/fal-instant-character-proxy",
        character={"reference_images": character_identity.reference_urls},
        call=f"{NAME} API",
        failure="Instant Character generation failed",
        cost_usd=IMAGE_COST_USD,
        report=on_progress or silent,
    )


def is_instant_character_ready(character_id: str) -> bool:
    """Always: there is no training."""
    return True
