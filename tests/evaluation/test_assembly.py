"""What an evaluation ordered, as the rows of a run: nothing that was asked for is left out."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from character_evaluation.assembly import assemble
from character_evaluation.criteria import criteria
from character_evaluation.results import files_of, read_run
from character_evaluation.run import EvaluationRow
from character_evaluation.statistics import summarise
from character_evaluation.summary import recommendation_of, summary_of
from character_evaluation.verdict import shortfall
from character_identity.domain.evaluation import CANCELLED, Cell, CellOutcome, Evaluation, EvaluationOrder
from character_identity.domain.evaluation_material import Material
from character_identity.domain.failure import Failure
from character_identity.domain.generation import GeneratedImage, Generation
from character_identity.domain.scenario import Scenario
from character_identity.domain.score import FaceIdentity, NotScored
from character_identity.domain.scored_generation import LATE_REASON
from character_identity.domain.view import EncoderVersion
from tests.support.builders import NOON, a_generation, a_score, an_evaluation, an_identity

VERSION = EncoderVersion("clip-vit-b32", "0f1e", "v1")
OWN = a_score(VERSION, "0f1e", {"references/i2/0001.jpg": 0.9})
SHARED = a_score(VERSION, "0f1e", {"references/e1/0001.jpg": 0.6, "references/e1/0002.jpg": 0.8})
BLACK = NotScored(encoder="clip-vit-b32", code="black_image", reason="It is black.")
BEACH = Scenario(number=1, name="beach", title="Beach", template="{name} on a beach", expected_similarity=0.8)
TOOK = timedelta(seconds=9)


def evaluation(**changes: Any) -> Evaluation:
    references = ["references/e1/0001.jpg", "references/e1/0002.jpg"]
    return an_evaluation(**{"references": references, "providers": ["fal-lora"], **changes})


def material(found: Evaluation, variations: int = 1, **more: Any) -> Material:
    order = EvaluationOrder(name="Sarah", scenarios=[BEACH], variations=variations)
    empty: dict[str, Any] = {name: {} for name in ("identities", "outcomes", "generations", "own", "shared")}
    return Material(evaluation=found, order=order, **{**empty, **more})


def generation(found: Evaluation, cell: Cell, *images: GeneratedImage, **changes: Any) -> Generation:
    usual: dict[str, Any] = {
        "generation_id": found.generation_id(cell),
        "identity_id": "i2",
        "status": "succeeded",
        "settled_at": NOON + TOOK,
        "images": list(images),
        "took_ms": 4000,
        "cost_usd": 0.1 * len(images),
        "prompt_used": "SARAH on a beach",
    }
    return a_generation(**{**usual, **changes})


def image(index: int, **changes: Any) -> GeneratedImage:
    key = f"generations/i2/g/{index:02}.png"
    return GeneratedImage(
        index=index, **{"outcome": "succeeded", "key": key, "seed": 1000 + index, **changes}
    )


def rows(made: Material) -> list[EvaluationRow]:
    return [*assemble(made)[0].rows]


LORA = Cell(provider="fal-lora", scenario="beach", variation=1, images=1)
ASTRIA = Cell(provider="astria", scenario="beach", variation=1, images=4)


def test_a_picture_has_its_score_against_all_references_and_its_own_beside_it() -> None:
    found = evaluation()
    drawn = generation(found, LORA, image(1))
    place = (drawn.generation_id, 1)
    identity = an_identity(identity_id="i2", references=["r1"], took_ms=60_000, cost_usd=2.0)
    made = material(
        found,
        identities={"fal-lora": identity},
        generations={drawn.generation_id: drawn},
        own={place: OWN},
        shared={place: SHARED},
    )
    run, pictures = assemble(made)
    (row,) = run.rows
    assert (row.similarity_mean, row.similarity_best, row.first_similarity) == (0.7, 0.8, 0.6)
    assert (row.nearest_reference, row.own_similarity_mean, row.clip_similarity) == (2, 0.9, 0.7)
    assert (row.latency_ms, row.total_ms, row.cost_usd) == (4000, TOOK.total_seconds() * 1000, 0.1)
    assert (row.prompt, row.seed, row.image) == ("SARAH on a beach", 1001, "images/fal-lora/beach-1.png")
    assert pictures == {
        "references/0001.jpg": "references/e1/0001.jpg",
        "references/0002.jpg": "references/e1/0002.jpg",
        "images/fal-lora/beach-1.png": "generations/i2/g/01.png",
    }
    (evaluated,) = run.identities
    assert (evaluated.reference_count, evaluated.training_time_ms, evaluated.training_cost_usd) == (
        1,
        60_000,
        2.0,
    )
    assert run.shared_references == 2


def test_a_row_says_by_which_versions_a_picture_was_seen() -> None:
    found = evaluation()
    drawn = generation(found, LORA, image(1))
    faces = EncoderVersion("face-dlib", "1e0f", "v3")
    score = SHARED.model_copy(update={"face_identity": FaceIdentity(**faces._asdict(), no_face="no_face")})
    made = material(found, generations={drawn.generation_id: drawn}, shared={(drawn.generation_id, 1): score})
    (row,) = rows(made)
    assert (row.version, row.face_version) == (VERSION, faces)


def test_references_of_several_identities_are_told_apart(tmp_path: Path) -> None:
    """An evaluation of identities that are there has theirs, and each identity's begin with the same name."""
    keys = ["references/i1/0001.jpg", "references/i2/0001.jpg", "references/i2/0002.jpg"]
    found = evaluation(references=keys)
    drawn = generation(found, LORA, image(1))
    score = a_score(VERSION, "0f1e", dict(zip(keys, (0.2, 0.4, 0.6), strict=True)))
    made = material(found, generations={drawn.generation_id: drawn}, shared={(drawn.generation_id, 1): score})
    run, pictures = assemble(made)
    assert [pictures[reference] for reference in run.references] == keys
    for name, content in {**files_of(run), **dict.fromkeys(pictures, "picture")}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert [row.nearest_reference for row in read_run(tmp_path).rows] == [3]


def test_the_first_reference_and_the_nearest_are_counted_as_pages_show_them() -> None:
    """A score has references by their keys, in which identities' ids come by chance."""
    keys = ["references/i2/0001.jpg", "references/i2/0002.jpg", "references/i1/0001.jpg"]
    found = evaluation(references=keys)
    drawn = generation(found, LORA, image(1))
    score = a_score(VERSION, "0f1e", dict(zip(keys, (0.9, 0.6, 0.3), strict=True)))
    made = material(found, generations={drawn.generation_id: drawn}, shared={(drawn.generation_id, 1): score})
    (row,) = rows(made)
    assert (row.first_similarity, row.nearest_reference) == (0.9, 1)


def test_references_that_went_with_an_identity_are_not_shown() -> None:
    keys = ["references/i1/0001.jpg", "references/i2/0001.jpg", "references/i2/0002.jpg"]
    found = evaluation(references=keys, providers=["fal-instant", "fal-lora"]).without_identity("i1")
    assert found is not None
    drawn = generation(found, LORA, image(1), image(2))
    similarities = {1: (0.3, 0.2, 0.9), 2: (0.9, 0.2, 0.3)}
    shared = {
        (drawn.generation_id, index): a_score(VERSION, "0f1e", dict(zip(keys, each, strict=True)))
        for index, each in similarities.items()
    }
    run, pictures = assemble(material(found, 2, generations={drawn.generation_id: drawn}, shared=shared))
    assert [*run.references] == ["references/0002.jpg", "references/0003.jpg"], "by their names before"
    assert [pictures[path] for path in run.references] == keys[1:]
    assert run.shared_references == 3, "as the scores were made"
    assert [row.nearest_reference for row in run.rows] == [2, None]


def test_whatever_became_of_a_cell_its_pictures_are_rows() -> None:
    found = evaluation()
    refused = CellOutcome(cell=LORA, error=Failure(code="no_identity", message="No identity: none."))
    unordered = rows(material(found, 2, outcomes={LORA.cell_id: refused}))
    assert [(row.variation, row.outcome, row.error, row.seed) for row in unordered] == [
        (1, "failed", "No identity: none.", 1001),
        (2, "failed", "It was not ordered.", 1002),
    ]
    blank = generation(found, LORA, image(1, outcome="filtered", key=None, reason="It was blanked."))
    (filtered,) = rows(material(found, generations={blank.generation_id: blank}))
    assert (filtered.outcome, filtered.image, filtered.error) == ("filtered", None, "It was blanked.")


def test_pictures_that_are_compared_are_held_against_each_other() -> None:
    found = evaluation(providers=["astria"], identities={"astria": "i2"})
    drawn = generation(found, ASTRIA, *(image(index) for index in (1, 2, 3, 4)))
    views = {1: (1.0, 0.0), 2: (0.6, 0.8), 3: (0.0, 1.0), 4: (0.0, -1.0)}
    made = material(
        found,
        3,
        generations={drawn.generation_id: drawn},
        shared={(drawn.generation_id, index): SHARED for index in views},
        embeddings={(drawn.generation_id, index): view for index, view in views.items()},
    )
    means = [row.run_similarity_mean for row in rows(made)]
    assert means == [0.3, 0.7, 0.4, None], "0.6 and 0; 0.6 and 0.8; 0 and 0.8; beyond the variations"


def test_a_picture_alone_or_seen_by_another_encoder_is_like_nothing() -> None:
    found = evaluation(providers=["astria"], identities={"astria": "i2"})
    drawn = generation(found, ASTRIA, *(image(index) for index in (1, 2, 3, 4)))
    other = SHARED.model_copy(update={"weights_sha256": "other"})
    shared = {1: SHARED, 2: other, 3: BLACK}
    made = material(
        found,
        3,
        generations={drawn.generation_id: drawn},
        shared={(drawn.generation_id, index): each for index, each in shared.items()},
        embeddings={(drawn.generation_id, index): (1.0, 0.0) for index in (1, 2, 3)},
    )
    assert {row.run_similarity_mean for row in rows(made)} == {None}


def test_a_picture_without_a_score_says_why() -> None:
    found = evaluation()
    drawn = generation(found, LORA, image(1))
    generations = {drawn.generation_id: drawn}
    (late,) = rows(material(found, generations=generations))
    assert (late.outcome, late.similarity_mean, late.error) == ("succeeded", None, LATE_REASON)
    shared = {(drawn.generation_id, 1): BLACK}
    (black,) = rows(material(found, generations=generations, shared=shared))
    assert (black.similarity_mean, black.error) == (None, "It is black.")


def test_of_four_at_once_the_first_are_compared_and_all_are_shown() -> None:
    found = evaluation(providers=["astria"], identities={"astria": "i2"})
    drawn = generation(found, ASTRIA, *(image(index) for index in (1, 2, 3, 4)))
    run, _ = assemble(material(found, 3, generations={drawn.generation_id: drawn}))
    assert [row.variation for row in run.rows] == [1, 2, 3, 4]
    assert [row.variation for row in run.compared] == [1, 2, 3]
    failed, _ = assemble(material(found, 3))
    assert [row.variation for row in failed.rows] == [1, 2, 3]  # nobody misses a fourth that failed
    fewer = generation(found, ASTRIA, image(1))
    short, _ = assemble(material(found, 3, generations={fewer.generation_id: fewer}))
    assert [row.outcome for row in short.rows] == ["succeeded", "failed", "failed", "failed"]


def test_all_files_follow_from_it() -> None:
    found = evaluation(providers=["fal-instant", "fal-lora"])
    run, _ = assemble(material(found, simulated=frozenset({"fal-lora"}), shared={("g", 1): SHARED}))
    assert (run.models, run.seed) == (
        {"fal-instant": "fal-ai/instant-character", "fal-lora": "fal-ai/flux-lora"},
        0,
    )
    assert files_of(run) == files_of(run)
    assert '"providers"' in summary_of(run)
    recommended = recommendation_of(run)
    assert recommended.provider is None
    assert recommended.sentence.startswith("Not decided: simulators")


def test_what_its_owner_erased_is_nobodys_failure_and_was_paid() -> None:
    found = evaluation(providers=["fal-lora", "astria"], identities={"fal-lora": "i2", "astria": "i3"})
    drawn = generation(found, LORA, image(1))
    made = material(
        found,
        variations=2,
        identities={"fal-lora": an_identity(cost_usd=2.0), "astria": an_identity(cost_usd=1.0)},
        generations={drawn.generation_id: drawn},
        shared={(drawn.generation_id, 1): SHARED},
        outcomes={
            cell.cell_id: CellOutcome(
                cell=cell, generation_id="g", pictures=cell.images, cost_usd=cost
            ).erased()
            for cell, cost in ((LORA.model_copy(update={"variation": 2}), 0.1), (ASTRIA, 0.4))
        },
    )
    run, _ = assemble(made)
    assert [(row.outcome, row.error, row.cost_usd) for row in run.rows[1:]] == [
        ("erased", "The generation was erased.", cost) for cost in (0.1, 0.2, 0.2)
    ]
    lora, astria = summarise(run)
    assert (lora.succeeded, lora.asked, lora.failed, lora.erased, lora.cancelled) == (1, 1, 0, 1, 0)
    assert (astria.asked, astria.failed, astria.erased) == (0, 0, 2)
    assert lora.cost_usd == pytest.approx(2.2) and astria.cost_usd == pytest.approx(1.4)
    assert lora.cost_per_accepted_usd == pytest.approx(0.1)
    assert criteria(run)[0].state == "not decidable"
    files = files_of(run)
    assert "| fal-lora | 1 of 1, 1 erased | 0 | 0 |" in files["report.md"]
    assert files["gallery.html"].count("<strong>Erased</strong>") == 3


def test_what_was_erased_of_one_that_was_cancelled_had_been_drawn() -> None:
    found = evaluation(status="cancelled", error=CANCELLED)
    outcomes = {LORA.cell_id: CellOutcome(cell=LORA, pictures=1).erased()}
    run, _ = assemble(material(found, outcomes=outcomes))
    said = shortfall(run)
    assert (
        said is not None and "drawn or failed: 1; stopped while they were drawn: 0; never ordered: 0." in said
    )
    assert summarise(run)[0].cost_usd is None
