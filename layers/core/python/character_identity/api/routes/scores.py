"""Scores of pictures that are not, or not yet, of a generation."""

from character_identity.api.route import EXAMPLE_ID, Answer, Route
from character_identity.api.routes.references import UPLOADED
from character_identity.api.schemas import CompareImagesRequest, CompareImagesResponse

COMPARE_IMAGES = Route(
    method="POST",
    path="/v1/scores",
    function="compare_images",
    tag="Scores",
    summary="Score pictures",
    description="Against an identity of yours, or against references that are given; nothing is stored. "
    "A picture that cannot be scored says why, and leaves the others be.",
    request=CompareImagesRequest,
    example={"images": [UPLOADED], "characterId": EXAMPLE_ID},
    answers={
        200: Answer(description="The scores, in the order of the pictures", content=CompareImagesResponse)
    },
    codes=(
        "unknown_identity",
        "unknown_generation",
        "too_many_images",
        "too_many_references",
        "unknown_reference",
        "unreachable_reference",
        "forbidden_url",
        "forbidden_host",
        "unknown_host",
        "file_too_large",
        "image_deleted",
        "image_too_large",
        "reference_unreadable",
    ),
)

ROUTES = (COMPARE_IMAGES,)
