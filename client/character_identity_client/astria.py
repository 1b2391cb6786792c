"""Astria: trains on eight or more reference images and keeps the model itself."""

from collections.abc import Sequence

import httpx

from character_identity_client.character import (
    CharacterGenerationParams,
    CharacterGenerationResult,
    CharacterIdentityMetadata,
    CharacterIdentityResult,
    ProviderName,
)
from character_identity_client.session import ProxySession, ServiceFailed, configured, required
from character_identity_client.steps import (
    Polls,
    Progress,
    accepted,
    elapsed_ms,
    ending_with,
    given,
    image,
    image_url_of,
    silent,
    text_of,
    underscored,
)

PROVIDER: ProviderName = "astria"
NAME = "Astria"
PATH = "/api/astria-proxy"
FEWEST_REFERENCES = 8
IMAGES_PER_CALL = 4
TRAINING_POLLS = Polls(attempts=120, interval_s=10, progress_from=30, progress_to=95)
IMAGE_POLLS = Polls(attempts=30, interval_s=1, progress_from=50, progress_to=95)
TRAINING_COST_USD = 1.50
IMAGE_COST_USD = 0.025
"""Estimates, as in the front end; the API's own answers say what was paid."""


def is_astria_available() -> bool:
    """Return True if a session is configured."""
    return configured(PROVIDER) is not None


def create_astria_character_identity(
    character_name: str, reference_images: Sequence[str], on_progress: Progress | None = None
) -> CharacterIdentityResult:
    """An identity that Astria trains: minutes. Called again after a timeout, it finds that training.

    Raises:
        ServiceFailed: there are too few references, or the training did not end in time.
    """
    session = required(PROVIDER, NAME)
    if len(reference_images) < FEWEST_REFERENCES:
        raise ServiceFailed(f"Astria fine-tuning requires at least {FEWEST_REFERENCES} reference images.")
    report = on_progress or silent
    started_at = session.now()
    report(5)
    with ending_with("Astria fine-tuning failed", report):
        tune = {
            "title": f"Character: {character_name}",
            "name": underscored(character_name.lower()),
            "base_tune_id": None,
            "branch": "fast",
            "images": [{"url": url} for url in reference_images],
        }
        response = session.post(PATH, {"action": "create_tune", "payload": {"tune": tune}})
        report(20)
        tune_id = text_of(accepted(response, "Astria tune creation"), "id")
        report(30)
        _wait_for_training(session, tune_id, report)
    now = session.now()
    report(100)
    return CharacterIdentityResult(
        character_id=tune_id,
        provider=PROVIDER,
        reference_urls=list(reference_images),
        status="ready",
        metadata=CharacterIdentityMetadata(
            training_time=elapsed_ms(started_at, now), cost=TRAINING_COST_USD, created_at=now
        ),
    )


def generate_with_astria(
    params: CharacterGenerationParams,
    character_identity: CharacterIdentityResult,
    on_progress: Progress | None = None,
) -> CharacterGenerationResult:
    """A picture of the character: the first of the four that Astria draws per call.

    Raises:
        ServiceFailed: there is none.
    """
    session = required(PROVIDER, NAME)
    report = on_progress or silent
    started_at = session.now()
    tune_id = character_identity.character_id
    report(10)
    with ending_with("Astria generation failed", report):
        prompt = {
            "text": params.prompt,
            "negative_prompt": params.negative_prompt,
            "num_images": IMAGES_PER_CALL,
            "seed": params.seed,
        }
        order = {"action": "create_prompt", "tune_id": tune_id, "payload": {"prompt": given(prompt)}}
        response = session.post(PATH, order)
        report(50)
        prompt_id = text_of(accepted(response, "Astria prompt generation"), "id")
        image_url = _generated(session, tune_id, prompt_id, report)
    report(100)
    return image(
        session,
        params,
        provider=PROVIDER,
        image_url=image_url,
        started_at=started_at,
        cost_usd=IMAGE_COST_USD,
    )


def is_astria_ready(tune_id: str) -> bool:
    """Return True if a training has ended well; False also when it cannot be read."""
    session = configured(PROVIDER)
    if session is None:
        return False
    try:
        return bool(_tune(session, tune_id).get("trained_at"))
    except (ServiceFailed, httpx.HTTPError):
        return False


def _wait_for_training(session: ProxySession, tune_id: str, report: Progress) -> None:
    def read() -> bool | None:
        tune = _tune(session, tune_id)
        if tune.get("trained_at"):
            return True
        _raise_if_failed(tune, "Astria training failed")
        return None

    if not TRAINING_POLLS.until(read, session.sleep, report):
        raise ServiceFailed("Astria training timed out.")


def _generated(session: ProxySession, tune_id: str, prompt_id: str, report: Progress) -> str:
    """The URL of the first picture, once there is one."""

    def read() -> str | None:
        prompt = session.status(PATH, action="get_prompt", tune_id=tune_id, prompt_id=prompt_id)
        image_url = image_url_of(prompt)
        if image_url is None:
            _raise_if_failed(prompt, "Astria generation failed")
        return image_url

    image_url = IMAGE_POLLS.until(read, session.sleep, report)
    if image_url is None:
        raise ServiceFailed("Astria generation timed out or returned no images.")
    return image_url


def _tune(session: ProxySession, tune_id: str) -> dict[str, object]:
    return session.status(PATH, action="get_tune", tune_id=tune_id)


def _raise_if_failed(job: dict[str, object], failure: str) -> None:
    if job.get("failed_at"):
        raise ServiceFailed(f"{failure}: {job.get('error') or 'Unknown error'}")
