"""Reference images: upload tickets and checks."""

from character_identity.api.route import EXAMPLE_ID, Answer, Route
from character_identity.api.schemas import (
    CheckReferencesRequest,
    CheckReferencesResponse,
    CreateReferencesRequest,
    CreateReferencesResponse,
)

UPLOADED = f"uploads/{EXAMPLE_ID}/{EXAMPLE_ID}.jpg"

CREATE_REFERENCES = Route(
    method="POST",
    path="/v1/references",
    function="create_references",
    tag="References",
    summary="Get upload tickets",
    description="Send each file as a multipart form to its url: all fields first, then file. "
    "The key is then a reference.",
    request=CreateReferencesRequest,
    example={"files": [{"name": "a.jpg", "contentType": "image/jpeg", "sizeBytes": 123456}]},
    answers={201: Answer(description="The tickets, in the same order", content=CreateReferencesResponse)},
    codes=("unsupported_image_format", "image_too_large"),
)
CHECK_REFERENCES = Route(
    method="POST",
    path="/v1/references/check",
    function="check_references",
    tag="References",
    summary="Check reference images",
    description="Free, and nothing is stored. With a provider its limits count too.",
    request=CheckReferencesRequest,
    example={"references": [UPLOADED], "provider": "fal-instant"},
    answers={200: Answer(description="What was found, errors first", content=CheckReferencesResponse)},
    codes=("unknown_provider",),
)

ROUTES = (CREATE_REFERENCES, CHECK_REFERENCES)
