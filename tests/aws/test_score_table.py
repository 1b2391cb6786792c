"""One contract for the table and the fake that stands for it in other tests."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from character_identity.aws.erasure_table import ErasureTable
from character_identity.aws.event_table import EventTable
from character_identity.aws.identity_table import IdentityTable
from character_identity.aws.score_table import ScoreTable
from character_identity.domain.errors import Erased
from character_identity.domain.event import Event
from character_identity.domain.face import Box
from character_identity.domain.near_copy import MEASURE, NearCopy
from character_identity.domain.page import MOST_ENTRIES
from character_identity.domain.score import (
    Calibration,
    EmbeddedReference,
    FaceIdentity,
    KeptReferences,
    Likeness,
    NotScored,
    Score,
)
from character_identity.domain.view import EncoderVersion
from character_identity.ports.stores import Scores
from tests.support.builders import NOON, a_score, an_identity
from tests.support.erasure_fakes import a_receipt
from tests.support.mocked_aws import StateTable
from tests.support.scoring_fakes import FakeScores, a_view

CLIP = EncoderVersion("clip-vit-b32", "a63082132ba4f97a80bea76823f54449", "bicubic-224-crop-224-v1")
FALLBACK = EncoderVersion("efficientnet-lite0", "579344248a93e23026e6b78f1f6faf0b", "bicubic-256-crop-224-v1")


FACES = EncoderVersion("face-dlib-resnet-v1", "55533b28a95800a551ba546ba62fe696", "dlib-hog-v1")


@pytest.fixture(params=["table", "fake"])
def store(request: pytest.FixtureRequest) -> Scores:
    return FakeScores() if request.param == "fake" else ScoreTable(with_identities(request))


def with_identities(request: pytest.FixtureRequest) -> Any:
    """The table with two identities."""
    table = request.getfixturevalue("table")
    for identity_id in ("eileen", "anna"):
        IdentityTable(table).add(an_identity(identity_id=identity_id))
    return table


def erase(store: Scores, identity_id: str) -> None:
    """Erase an identity."""
    if isinstance(store, FakeScores):
        store.erased.add(identity_id)
    else:
        assert isinstance(store, ScoreTable)
        receipt = a_receipt(identity_id=identity_id)
        ErasureTable(store._table).replace_with_tombstone(receipt, Event.of_erasure(an_identity(), NOON))


NOT_SCORED = NotScored(encoder=CLIP.encoder, code="black_image", reason="The picture is black.")


def score(version: EncoderVersion = CLIP, similarity: float = 0.812345) -> Score:
    return a_score(version, "0f1e", {"references/i/00.jpg": similarity, "references/i/01.jpg": -0.25})


def with_a_face() -> Score:
    likeness = Likeness.over({"r1": 0.96}, centroid=0.97, calibration=Calibration(0.82, 0.96, 1.0))
    by = FACES._asdict()
    face = FaceIdentity(**by, likeness=likeness, box=Box(0.25, 0.125, 0.5, 0.5), other_faces=1)
    return score().model_copy(update={"face_identity": face})


def put(
    store: Scores, generation_id: str, image_index: int, score: Score | NotScored, *references: list[float]
) -> None:
    """Store a score of Eileen's, with her references by their embeddings."""
    embedded = [EmbeddedReference(f"r{each[0]}", "0f1e", a_view(each, b"picture")) for each in references]
    kept = KeptReferences("ann", embedded) if embedded else None
    store.put_score("eileen", generation_id, image_index, score, kept)


def kept_of_eileen(store: Scores, faces: EncoderVersion | None = None) -> Sequence[EmbeddedReference]:
    """Her references, which a score has kept; Ann has made her."""
    kept = store.references("eileen", CLIP, faces)
    assert kept is not None
    assert kept.owner == "ann"
    return kept.embedded


def test_scores_come_back_by_image_and_encoder(store: Scores) -> None:
    put(store, "portrait", 10, score(FALLBACK))
    put(store, "portrait", 2, score(FALLBACK, 0.5))
    put(store, "portrait", 2, score(CLIP))
    put(store, "landscape", 0, score())

    assert store.scores_of("portrait") == {2: [score(CLIP), score(FALLBACK, 0.5)], 10: [score(FALLBACK)]}


def test_a_score_takes_the_place_of_the_same_encoders_earlier_one(store: Scores) -> None:
    put(store, "portrait", 0, score(similarity=0.5))
    put(store, "portrait", 0, score(similarity=0.75))

    assert store.scores_of("portrait") == {0: [score(similarity=0.75)]}


def test_the_score_of_an_earlier_version_is_kept_behind_that_of_the_present_one(store: Scores) -> None:
    """And is the present one's again, once only, where a release is taken back."""
    early, late = score(CLIP), score(CLIP._replace(weights_sha256="0f1e"), 0.5)
    other = score(FALLBACK)
    put(store, "portrait", 2, other)
    put(store, "portrait", 2, early)
    store.put_score("eileen", "portrait", 2, late, earlier=early)
    assert store.scores_of("portrait") == {2: [late, early, other]}
    assert store.by_clip({"portrait": 2}) == {"portrait": late}
    store.put_score("eileen", "portrait", 2, early, earlier=late)
    assert store.scores_of("portrait") == {2: [early, late, other]}


def test_why_there_is_no_score_stands_in_its_place(store: Scores) -> None:
    put(store, "portrait", 0, NOT_SCORED, [1.0])
    put(store, "portrait", 0, score(FALLBACK))

    assert store.scores_of("portrait") == {0: [NOT_SCORED, score(FALLBACK)]}
    assert store.score_of("portrait", 0, CLIP.encoder) is None
    assert store.by_clip({"portrait": 0}) == {"portrait": NOT_SCORED}
    assert store.references("eileen", CLIP) is None
    put(store, "portrait", 0, score())
    assert store.scores_of("portrait") == {0: [score(), score(FALLBACK)]}


def test_all_of_a_score_comes_back(store: Scores) -> None:
    full = a_score(
        CLIP,
        "0f1e",
        {"r": 0.5},
        centroid=0.625,
        calibration=Calibration(0.25, 0.75, 0.5),
        near_copy=NearCopy("r", 3, 0.875, True, MEASURE),
    )
    put(store, "portrait", 0, full)
    assert store.scores_of("portrait") == {0: [full]}


def test_a_generation_without_scores_has_none(store: Scores) -> None:
    assert store.scores_of("portrait") == {}


def test_clips_scores_of_one_image_of_each_generation(store: Scores) -> None:
    put(store, "portrait", 1, score(FALLBACK))
    put(store, "portrait", 1, score())
    put(store, "portrait", 2, score(similarity=0.5))
    put(store, "landscape", 1, score(FALLBACK))
    asked = {"portrait": 1, "landscape": 1, "other": 1}
    assert store.by_clip(asked) == {"portrait": score()}
    assert store.by_clip({}) == {}


def test_scores_of_a_whole_page_of_generations_come_at_once(store: Scores) -> None:
    for number in range(MOST_ENTRIES):
        put(store, f"g{number}", 1, score(similarity=number / 1000))
    found = store.by_clip({f"g{number}": 1 for number in range(MOST_ENTRIES)})
    assert found == {f"g{number}": score(similarity=number / 1000) for number in range(MOST_ENTRIES)}


def test_references_are_found_for_their_identity_and_version_only(store: Scores) -> None:
    assert store.references("eileen", CLIP) is None
    put(store, "portrait", 0, score(CLIP), [0.5, -0.5, 0.25], [0.25, 0.5, -1.0])
    put(store, "portrait", 1, score(CLIP))

    [one, other] = kept_of_eileen(store)
    assert (one.key, one.sha256, list(one.view.embedding)) == ("r0.5", "0f1e", [0.5, -0.5, 0.25])
    assert (other.key, list(other.view.embedding)) == ("r0.25", [0.25, 0.5, -1.0])
    assert one.view.copy_descriptor == a_view([], b"picture").copy_descriptor
    assert store.references("anna", CLIP) is None
    assert store.references("eileen", FALLBACK) is None
    assert store.references("eileen", CLIP._replace(weights_sha256="another")) is None
    assert store.references("eileen", CLIP._replace(preprocessing="another")) is None


def test_faces_of_references_come_back_for_their_face_encoder_only(store: Scores) -> None:
    references = [
        EmbeddedReference("r1", "0f1e", a_view([1.0]), [0.5, -0.25]),
        EmbeddedReference("r2", "0f1e", a_view([0.5]), "not_a_person"),
    ]
    store.put_score("eileen", "portrait", 0, with_a_face(), KeptReferences("ann", references))

    [one, other] = kept_of_eileen(store, FACES)
    assert (list(one.face or ()), other.face) == ([0.5, -0.25], "not_a_person")
    assert (list(one.view.embedding), other.key) == ([1.0], "r2")
    assert store.references("eileen", CLIP) is None
    assert store.references("eileen", CLIP, FACES._replace(weights_sha256="another")) is None
    assert store.scores_of("portrait") == {0: [with_a_face()]}


@pytest.mark.parametrize("face", [None, "compared", "profile"])
def test_what_is_said_of_the_face_comes_back(store: Scores, face: str | None) -> None:
    said = with_a_face() if face == "compared" else score()
    if face == "profile":
        without = FaceIdentity(**FACES._asdict(), no_face="profile")
        said = said.model_copy(update={"face_identity": without})
    put(store, "portrait", 0, said)
    assert store.scores_of("portrait") == {0: [said]}


def test_a_score_is_found_by_image_and_encoder(store: Scores) -> None:
    put(store, "portrait", 1, score())
    assert store.score_of("portrait", 1, CLIP.encoder) == score()
    assert store.score_of("portrait", 1, FALLBACK.encoder) is None
    assert store.score_of("portrait", 2, CLIP.encoder) is None


def test_the_most_references_of_the_longest_embeddings_fit_into_an_item(store: Scores) -> None:
    put(store, "portrait", 0, score(), *([float(number)] * 1280 for number in range(20)))
    assert [list(each.view.embedding[:2]) for each in kept_of_eileen(store)][19] == [19, 19]


def test_of_an_erased_identity_nothing_is_stored(store: Scores) -> None:
    erase(store, "eileen")
    with pytest.raises(Erased):
        put(store, "portrait", 0, score(CLIP), [1.0])
    assert store.scores_of("portrait") == {}
    assert store.references("eileen", CLIP) is None
    store.put_score("anna", "landscape", 0, score())
    assert store.scores_of("landscape") == {0: [score()]}


def test_an_event_is_stored_with_a_score_unless_it_is_there(request: pytest.FixtureRequest) -> None:
    """One that was published is not open again; the score is stored all the same."""
    table = with_identities(request)
    store, events = ScoreTable(table), EventTable(table)
    event = Event.of_score("ann", "eileen", "portrait", 1, score(), NOON)
    store.put_score("eileen", "portrait", 1, score(), None, event)
    assert events.find_unpublished(event.event_id) == event
    events.mark_published(event.event_id)

    again = event.model_copy(update={"occurred_at": NOON + timedelta(days=1)})
    store.put_score("eileen", "portrait", 1, score(similarity=0.5), None, again)

    assert (events.find(event.event_id), events.find_unpublished(event.event_id)) == (event, None)
    assert store.scores_of("portrait") == {1: [score(similarity=0.5)]}


def test_of_an_erased_identity_no_event_is_stored(request: pytest.FixtureRequest) -> None:
    table = with_identities(request)
    event = Event.of_score("ann", "eileen", "portrait", 1, score(), NOON)
    erase(ScoreTable(table), "eileen")
    with pytest.raises(Erased):
        ScoreTable(table).put_score("eileen", "portrait", 1, score(), None, event)
    assert EventTable(table).find(event.event_id) is None


def test_scores_lie_beside_their_generation_and_references_beside_the_identity(
    request: pytest.FixtureRequest,
) -> None:
    table = with_identities(request)
    before = {(item["pk"], item["sk"]) for item in table.rows()}
    put(ScoreTable(table), "portrait", 7, score(), [1.0])

    assert {(item["pk"], item["sk"]) for item in table.rows()} - before == {
        ("GENERATION#portrait", "SCORE#07#clip-vit-b32"),
        ("IDENTITY#eileen", "EMBEDDING#clip-vit-b32#a63082132ba4f97a#bicubic-224-crop-224-v1#" + MEASURE),
    }


def test_no_score_is_stored_of_an_identity_that_never_was(table: StateTable) -> None:
    with pytest.raises(Erased):
        put(ScoreTable(table), "portrait", 0, score())


def test_all_scores_are_read_however_many_there_are(request: pytest.FixtureRequest) -> None:
    table = with_identities(request)
    long_keys = {f"references/{'i' * 900}/{number:03}.jpg": 0.5 for number in range(100)}
    large = a_score(CLIP, "0f1e", long_keys)  # about 0.1 MB each; DynamoDB answers 1 MB at a time
    for image_index in range(15):
        put(ScoreTable(table), "portrait", image_index, large)

    assert list(ScoreTable(table).scores_of("portrait")) == list(range(15))
