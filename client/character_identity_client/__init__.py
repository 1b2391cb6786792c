"""A small client of the character identity API, and the front end's service modules in Python.

The service modules are ``fal_instant_character``, ``fal_lora`` and ``astria``; ``configure`` makes them
available.
"""

from character_identity_client.api import (
    CONTENT_TYPES,
    ApiClient,
    ApiError,
    DeadlinePassed,
    JobFailed,
)
from character_identity_client.character import (
    AnalyzedCharacter,
    CharacterGenerationMetadata,
    CharacterGenerationParams,
    CharacterGenerationResult,
    CharacterIdentityConfig,
    CharacterIdentityMetadata,
    CharacterIdentityResult,
    ProjectContext,
)
from character_identity_client.models import (
    Budget,
    ComparedImage,
    Comparison,
    Estimate,
    Failure,
    Finding,
    Generation,
    GenerationSummary,
    Identity,
    IdentitySummary,
    Image,
    Price,
    Provider,
    ReferenceCheck,
    Score,
    Usage,
    Webhook,
)
from character_identity_client.session import MediaService, ProxySession, ServiceFailed, configure

__all__ = [
    "CONTENT_TYPES",
    "AnalyzedCharacter",
    "ApiClient",
    "ApiError",
    "Budget",
    "CharacterGenerationMetadata",
    "CharacterGenerationParams",
    "CharacterGenerationResult",
    "CharacterIdentityConfig",
    "CharacterIdentityMetadata",
    "CharacterIdentityResult",
    "ComparedImage",
    "Comparison",
    "DeadlinePassed",
    "Estimate",
    "Failure",
    "Finding",
    "Generation",
    "GenerationSummary",
    "Identity",
    "IdentitySummary",
    "Image",
    "JobFailed",
    "MediaService",
    "Price",
    "ProjectContext",
    "Provider",
    "ProxySession",
    "ReferenceCheck",
    "Score",
    "ServiceFailed",
    "Usage",
    "Webhook",
    "configure",
]
