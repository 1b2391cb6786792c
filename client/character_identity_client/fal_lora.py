"""fal.ai Flux LoRA: trains on five or more reference images, then draws with the weights."""

import logging
from collections.abc import Sequence

import httpx

from character_identity_client.character import (
    CharacterGenerationParams,
    CharacterGenerationResult,
    CharacterIdentityMetadata,
    CharacterIdentityResult,
    ProjectContext,
    ProviderName,
)
from character_identity_client.fal_images import generate
from character_identity_client.session import ProxySession, ServiceFailed, configured, required
from character_identity_client.steps import (
    Polls,
    Progress,
    accepted,
    elapsed_ms,
    ending_with,
    epoch_ms,
    new_id,
    silent,
    text_of,
    underscored,
    url_of,
)

PROVIDER: ProviderName = "fal-lora"
NAME = "Fal.ai LoRA"
FEWEST_REFERENCES = 5
STEPS = 1000
POLLS = Polls(attempts=60, interval_s=10, progress_from=30, progress_to=90)
TRAINING_COST_USD = 2.00
IMAGE_COST_USD = 0.06
"""Estimates, as in the front end; the API's own answers say what was paid."""

logger = logging.getLogger(__name__)


def is_fal_lora_available() -> bool:
    """Return True if a session is configured."""
    return configured(PROVIDER) is not None


def create_flux_lora_character_identity(
    character_name: str,
    reference_images: Sequence[str],
    on_progress: Progress | None = None,
    context: ProjectContext | None = None,
) -> CharacterIdentityResult:
    """An identity whose LoRA is trained: minutes. Called again after a timeout, it finds that training.

    With a ``context``, and a media service in the session, the weights are copied to that service.

    Raises:
        ServiceFailed: there are too few references, or no weights in time.
    """
    session = required(PROVIDER, NAME)
    if len(reference_images) < FEWEST_REFERENCES:
        raise ServiceFailed(f"Flux LoRA training requires at least {FEWEST_REFERENCES} reference images.")
    report = on_progress or silent
    started_at = session.now()
    character_id = new_id("lora-char", started_at)
    trigger_word = underscored(character_name.upper())
    report(5)
    with ending_with("Flux LoRA training failed", report):
        report(10)
        training = {"images_data_url": list(reference_images), "steps": STEPS, "trigger_word": trigger_word}
        report(20)
        answer = accepted(session.post("/api/fal-lora-training-proxy", training), "Fal.ai LoRA training API")
        request_id = text_of(answer, "request_id")
        report(30)
        model_url = _trained(session, request_id, report)
        report(95)
        labels = {
            "characterId": character_id,
            "characterName": character_name,
            "triggerWord": trigger_word,
            "provider": PROVIDER,
            "type": "lora_model",
        }
        model_storage_url = _copied(session, model_url, labels, context) or model_url
    now = session.now()
    report(100)
    return CharacterIdentityResult(
        character_id=character_id,
        provider=PROVIDER,
        model_url=model_url,
        model_storage_url=model_storage_url,
        reference_urls=list(reference_images),
        status="ready",
        metadata=CharacterIdentityMetadata(
            training_time=elapsed_ms(started_at, now), cost=TRAINING_COST_USD, created_at=now
        ),
    )


def generate_with_flux_lora(
    params: CharacterGenerationParams,
    character_identity: CharacterIdentityResult,
    on_progress: Progress | None = None,
) -> CharacterGenerationResult:
    """A picture of the character.

    Raises:
        ServiceFailed: there is none.
    """
    session = required(PROVIDER, NAME)
    lora_url = character_identity.model_storage_url or character_identity.model_url
    if not lora_url:
        raise ServiceFailed("LoRA model URL is missing. Training may have failed.")
    return generate(
        session,
        params,
        provider=PROVIDER,
        path="/api/fal-lora-inference-proxy",
        character={"lora_url": lora_url},
        call=f"{NAME} inference",
        failure="Flux LoRA generation failed",
        cost_usd=IMAGE_COST_USD,
        report=on_progress or silent,
    )


def is_flux_lora_ready(character_id: str, request_id: str | None = None) -> bool:
    """Return True if a training has ended well; False also when it cannot be read."""
    session = configured(PROVIDER)
    if session is None or not request_id:
        return False
    try:
        return _status(session, request_id).get("status") == "completed"
    except (ServiceFailed, httpx.HTTPError):
        return False


def _trained(session: ProxySession, request_id: str, report: Progress) -> str:
    """The URL of the weights, once they are there."""

    def read() -> dict[str, object] | None:
        training = _status(session, request_id)
        if training.get("status") == "failed":
            raise ServiceFailed(f"LoRA training failed: {training.get('error') or 'Unknown error'}")
        return training if training.get("status") == "completed" else None

    training = POLLS.until(read, session.sleep, report) or {}
    model_url = url_of(training.get("diffusers_lora_file")) or url_of(training.get("lora_file"))
    if model_url is None:
        raise ServiceFailed("LoRA training timed out or returned no model URL.")
    return model_url


def _status(session: ProxySession, request_id: str) -> dict[str, object]:
    return session.status("/api/fal-lora-status-proxy", request_id=request_id)


def _copied(
    session: ProxySession, model_url: str, labels: dict[str, str], context: ProjectContext | None
) -> str | None:
    """Return the URL of the media service's copy of the weights, if it has one."""
    media = session.media_service
    if media is None or context is None or not (context.project_id and context.user_id):
        return None
    file_name = f"lora_{underscored(labels['characterName'])}_{epoch_ms(session.now())}.safetensors"
    try:
        weights = session.download(model_url)
        return media.upload_blob(
            context.project_id, context.user_id, weights, file_name, "application/octet-stream", labels
        )
    except Exception:
        # Whatever a media service raises, the training is paid for and its weights are there.
        logger.warning("Failed to upload LoRA model, using direct URL", exc_info=True)
        return None
