"""The models of the Python client have what the document says of answers."""

from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from character_identity.api.openapi.examples import example_of
from character_identity_client import models
from character_identity_client.models import Answer
from tests.support.openapi import described

NAMED_OTHERWISE = {
    "Comparison": "CompareImagesResponse",
    "ReferenceCheck": "CheckReferencesResponse",
    "NewWebhook": "CreateWebhookResponse",
    "Count": "IdentityCounts",
    "ImageCount": "ImageCounts",
    "EvaluationEstimate": "EstimateEvaluationResponse",
    "EvaluationOrder": "CreateEvaluationRequest",
}
"""Our names for schemas; others are called as these are, without ``Response``."""
PARTS_OF_OTHERS = {"Answer", "IdentityHead", "GenerationHead"}
MODELS: dict[str, type[Answer]] = {
    name: model
    for name, model in vars(models).items()
    if isinstance(model, type) and issubclass(model, Answer) and name not in PARTS_OF_OTHERS
}


def schema_of(name: str) -> Any:
    schemas = described()["components"]["schemas"]
    return schemas.get(NAMED_OTHERWISE.get(name, f"{name}Response")) or schemas[name]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_every_field_of_its_schema_and_no_other(name: str) -> None:
    assert {to_camel(field) for field in MODELS[name].model_fields} == {*schema_of(name)["properties"]}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_takes_the_example_of_its_schema(name: str) -> None:
    schemas = described()["components"]["schemas"]
    (owner,) = [known for known, schema in schemas.items() if schema is schema_of(name)]
    example = example_of(schemas[owner], schemas, owner)
    again = MODELS[name].model_validate(example).model_dump(mode="json", by_alias=True)
    assert again == {**again, **example}
