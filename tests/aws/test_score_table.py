"""One contract for the table and the fake that stands for it in other tests."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from character_identity.aws.score_table import ScoreTable
from character_identity.domain.score import EncoderVersion, Score
from character_identity.services.scoring import ScoreStore
from tests.scoring_fakes import FakeScores

CLIP = EncoderVersion("clip-vit-b32", "a63082132ba4f97a80bea76823f54449", "bicubic-224-crop-224-v1")
STAND_IN = EncoderVersion("efficientnet-lite0", "579344248a93e23026e6b78f1f6faf0b", "bicubic-256-crop-224-v1")


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        yield boto3.resource("dynamodb").create_table(
            TableName="identities",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )


@pytest.fixture(params=["table", "fake"])
def store(request: pytest.FixtureRequest) -> ScoreStore:
    return FakeScores() if request.param == "fake" else ScoreTable(request.getfixturevalue("table"))


def score(version: EncoderVersion = CLIP, similarity: float = 0.812345) -> Score:
    return Score.of(version, "0f1e", {"references/i/00.jpg": similarity, "references/i/01.jpg": -0.25})


def test_scores_come_back_by_image_and_encoder(store: ScoreStore) -> None:
    store.put_score("portrait", 10, score(STAND_IN))
    store.put_score("portrait", 2, score(STAND_IN, 0.5))
    store.put_score("portrait", 2, score(CLIP))
    store.put_score("landscape", 0, score())

    assert store.scores_of("portrait") == {2: [score(CLIP), score(STAND_IN, 0.5)], 10: [score(STAND_IN)]}


def test_a_score_takes_the_place_of_the_same_encoders_earlier_one(store: ScoreStore) -> None:
    store.put_score("portrait", 0, score(similarity=0.5))
    store.put_score("portrait", 0, score(similarity=0.75))

    assert store.scores_of("portrait") == {0: [score(similarity=0.75)]}


def test_a_generation_without_scores_has_none(store: ScoreStore) -> None:
    assert store.scores_of("portrait") == {}


def test_an_embedding_is_found_for_its_content_and_version_only(store: ScoreStore) -> None:
    store.put_embedding("0f1e", CLIP, [0.5, -0.5, 0.25])

    found = store.embedding("0f1e", CLIP)
    assert found is not None
    assert list(found) == [0.5, -0.5, 0.25]
    assert store.embedding("0f1f", CLIP) is None
    assert store.embedding("0f1e", STAND_IN) is None
    assert store.embedding("0f1e", CLIP._replace(weights_sha256="another")) is None
    assert store.embedding("0f1e", CLIP._replace(preprocessing="another")) is None


def test_scores_lie_beside_their_generation_under_the_agreed_keys(table: Any) -> None:
    table.put_item(Item={"pk": "GENERATION#portrait", "sk": "GENERATION", "status": "succeeded"})
    ScoreTable(table).put_score("portrait", 7, score())
    ScoreTable(table).put_embedding("0f1e", CLIP, [1.0])

    keys = {(item["pk"], item["sk"]) for item in table.scan()["Items"]}

    assert keys == {
        ("GENERATION#portrait", "GENERATION"),
        ("GENERATION#portrait", "SCORE#07#clip-vit-b32"),
        ("EMBEDDING#0f1e", "clip-vit-b32#a63082132ba4f97a#bicubic-224-crop-224-v1"),
    }
    assert ScoreTable(table).scores_of("portrait") == {7: [score()]}


def test_all_scores_are_read_however_many_there_are(table: Any) -> None:
    long_keys = {f"references/{'i' * 900}/{number:03}.jpg": 0.5 for number in range(100)}
    large = Score.of(CLIP, "0f1e", long_keys)  # about 0.1 MB each; DynamoDB answers 1 MB at a time
    for image_index in range(15):
        ScoreTable(table).put_score("portrait", image_index, large)

    assert list(ScoreTable(table).scores_of("portrait")) == list(range(15))
