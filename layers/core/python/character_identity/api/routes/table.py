"""All routes."""

from typing import Any

from character_identity.api.route import Route
from character_identity.api.routes import (
    callbacks,
    compat,
    documents,
    evaluations,
    generations,
    identities,
    references,
    scores,
    webhooks,
)

ROUTES: tuple[Route[Any], ...] = (
    *references.ROUTES,
    *identities.ROUTES,
    *generations.ROUTES,
    *scores.ROUTES,
    *evaluations.ROUTES,
    *webhooks.ROUTES,
    *compat.ROUTES,
    *callbacks.ROUTES,
    *documents.ROUTES,
)
