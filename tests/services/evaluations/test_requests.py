import json
from typing import Any

import pytest

from character_identity.domain.budget import MICROUSD_PER_USD
from character_identity.domain.errors import BudgetExceeded, Conflict, InvalidRequest, NotFound
from character_identity.domain.evaluation import AT_ONCE, EvaluationOrder
from character_identity.domain.identity import Identity, ProviderName
from character_identity.domain.page import Window
from tests.services.evaluations.harness import BEACH, FOREST, ID, LINKS, Harness
from tests.support.builders import an_identity

CEILING = 4_000_000 + 4 * 200_000
"""In millionths of a dollar: a training at most, and four pictures at most."""


def test_the_whole_ceiling_is_set_aside_when_it_is_accepted() -> None:
    harness = Harness()
    evaluation = harness.create()
    assert (evaluation.status, evaluation.phase, evaluation.cells, evaluation.images) == (
        "running",
        "planning",
        4,
        4,
    )
    assert harness.money == (CEILING, 0)
    assert (harness.job.kind, harness.job.reserved_microusd) == ("evaluation", CEILING)
    assert [job.job_id for job in harness.workflows.started] == [f"evaluation-{ID}"]
    assert len(evaluation.references) == 3
    order = json.loads(harness.bucket.objects[f"evaluations/{ID}/order.json"])
    assert [scenario["name"] for scenario in order["scenarios"]] == ["beach", "forest"]


@pytest.mark.parametrize("of_identities", [True, False])
def test_an_order_that_is_not_stored_after_all_leaves_nothing(
    of_identities: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = an_identity(references=["references/i1/0001.jpg"], reference_sha256s=["0f1e"])
    harness = Harness(ready)
    changes: dict[str, Any] = {"identities": {"fal-lora": "i1"}, "references": [], "providers": []}

    def die(*_: Any) -> None:
        raise ConnectionError("the table is away, or this function has no time left")

    with monkeypatch.context() as patch, pytest.raises(ConnectionError):
        patch.setattr(harness.evaluations, "add", die)
        harness.create(**(changes if of_identities else {}))
    assert [*harness.ledger.intakes] == [ID], "the sweep takes it up"
    harness.intakes.end(ID)
    assert harness.bucket.objects == {}
    harness.create(**(changes if of_identities else {}))
    assert harness.ledger.intakes == {}


@pytest.mark.parametrize(
    ("there", "compared"),
    [
        ({"fal-instant": True, "fal-lora": False}, ["fal-instant"]),
        ({"fal-instant": True, "fal-lora": None}, ["fal-instant", "fal-lora"]),  # nobody can tell now
        ({"fal-instant": False, "fal-lora": False}, ["fal-instant", "fal-lora"]),  # each says why it fails
    ],
)
def test_who_names_no_providers_compares_those_that_can_be_ordered_from(
    there: dict[ProviderName, bool | None], compared: list[str]
) -> None:
    harness = Harness()
    harness.keys_there = there
    quoted = harness.service.quote("ann", harness.request(providers=[]))
    assert [each.provider for each in quoted.by_provider] == compared
    named = harness.service.quote("ann", harness.request(providers=["fal-lora"]))
    assert [each.provider for each in named.by_provider] == ["fal-lora"]


def test_a_quote_tells_what_has_no_price_apart() -> None:
    harness = Harness()
    quoted = harness.service.quote("ann", harness.request(variations=3))
    assert (quoted.cells, quoted.images) == (12, 12)
    assert quoted.estimate_microusd == 2_000_000 + 12 * 100_000
    assert quoted.assumed_microusd == 0
    assert quoted.ceiling_microusd == 4_000_000 + 12 * 200_000
    assert [each.provider for each in quoted.by_provider] == ["fal-instant", "fal-lora"]
    assert not harness.bucket.objects


def test_a_ceiling_above_the_callers_maximum_is_refused_before_anything_is_stored() -> None:
    harness = Harness()
    most = CEILING / MICROUSD_PER_USD
    with pytest.raises(InvalidRequest) as caught:
        harness.create(max_cost_usd=most - 0.01)
    assert caught.value.code == "max_cost_too_low"
    assert caught.value.details == {"ceilingUsd": most, "maxCostUsd": most - 0.01}
    assert (harness.bucket.objects, harness.ledger.rows, harness.workflows.started) == ({}, {}, [])
    assert harness.create(max_cost_usd=most).max_cost_usd == most


def test_a_budget_that_has_not_got_it_refuses_before_anything_is_stored() -> None:
    harness = Harness()
    harness.ledger.limits["ann"] = CEILING - 1
    with pytest.raises(BudgetExceeded):
        harness.create()
    assert (harness.bucket.objects, harness.ledger.rows) == ({}, {})
    harness.ledger.limits["ann"] = CEILING
    harness.create()


def test_the_same_evaluation_is_not_stored_twice() -> None:
    harness = Harness()
    harness.create()
    with pytest.raises(Conflict):
        harness.create()
    assert harness.money == (CEILING, 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"providers": ["dall-e"]}, "unknown_provider"),
        ({"identities": {"dall-e": "i1"}}, "unknown_provider"),
        ({"references": []}, "too_few_references"),
        ({"references": LINKS[:1]}, "too_few_references"),
        ({"references": [], "providers": []}, "too_few_references"),
        ({"references": [*LINKS, "uploads/none.jpg"]}, "unknown_reference"),
        ({"name": None}, "invalid_body"),
    ],
    ids=["provider", "of an identity", "no references", "too few", "nothing", "unknown", "no name"],
)
def test_what_cannot_be_used_is_refused(changes: dict[str, object], code: str) -> None:
    harness = Harness()
    with pytest.raises(InvalidRequest) as caught:
        harness.create(**changes)
    assert caught.value.code == code
    assert (harness.ledger.rows, harness.workflows.started) == ({}, [])


def test_identities_that_are_there_are_not_made_again() -> None:
    there = an_identity(identity_id="i1", references=["r/1", "r/2"], reference_sha256s=["a", "b"])
    harness = Harness(there)
    evaluation = harness.create(identities={"fal-lora": "i1"}, providers=[], references=[], name=None)
    assert (evaluation.providers, evaluation.identities, evaluation.made) == (
        ["fal-lora"],
        {"fal-lora": "i1"},
        [],
    )
    assert (evaluation.name, evaluation.references) == ("Sarah", ["r/1", "r/2"])
    assert evaluation.reserved_microusd == 2 * 200_000
    assert harness.evaluations.used_by("i1") == [ID]


def test_pictures_are_compared_with_references_of_each_identity_however_many_the_first_has() -> None:
    """Of one that only the first had, the mean over twenty would be the first one's own."""

    def trained(identity_id: str, provider: str, first: int) -> Identity:
        keys = [f"references/{identity_id}/{number}.jpg" for number in range(20)]
        digests = [str(first + number) for number in range(20)]
        return an_identity(
            identity_id=identity_id, provider=provider, references=keys, reference_sha256s=digests
        )

    there = trained("i1", "fal-lora", 0), trained("i2", "fal-instant", 18)
    harness = Harness(*there)
    identities = {"fal-lora": "i1", "fal-instant": "i2"}
    evaluation = harness.create(identities=identities, providers=[], references=[], name=None)
    owners = [key.split("/")[1] for key in evaluation.references]
    assert (owners.count("i1"), owners.count("i2")) == (10, 10)
    assert len(set(evaluation.reference_sha256s)) == 20


def test_an_identity_of_somebody_else_or_of_another_provider_is_refused() -> None:
    harness = Harness(an_identity(identity_id="bobs", owner="bob"), an_identity(identity_id="i1"))
    with pytest.raises(NotFound):
        harness.create(identities={"fal-lora": "bobs"})
    with pytest.raises(InvalidRequest):
        harness.create(identities={"fal-instant": "i1"})


def test_an_identity_that_failed_is_refused_and_one_that_is_trained_is_waited_for() -> None:
    harness = Harness(an_identity(identity_id="i1", status="failed"))
    with pytest.raises(Conflict) as caught:
        harness.create(identities={"fal-lora": "i1"})
    assert (caught.value.code, harness.ledger.rows) == ("identity_failed", {})
    harness = Harness(an_identity(identity_id="i1", status="training"))
    assert harness.create(identities={"fal-lora": "i1"}).identities["fal-lora"] == "i1"


def test_another_owners_evaluation_answers_like_an_unknown_one() -> None:
    harness = Harness()
    harness.create()
    for call in (harness.service.get, harness.service.cancel):
        with pytest.raises(NotFound) as caught:
            call("bob", ID)
        assert caught.value.code == "unknown_evaluation"
    assert harness.service.list("bob", Window()).entries == []
    assert [each.evaluation_id for each in harness.service.list("ann", Window()).entries] == [ID]


def test_astria_is_asked_for_four_at_once_and_others_for_each_picture() -> None:
    order = EvaluationOrder(name="Sarah", scenarios=[BEACH, FOREST], variations=3)
    cells = order.cells(["fal-lora", "astria"])
    assert [cell.cell_id for cell in cells[:4]] == [
        "fal-lora/beach/01",
        "astria/beach/01",
        "fal-lora/beach/02",
        "astria/forest/01",
    ]
    assert {cell.images for cell in cells if cell.provider == "fal-lora"} == {1}
    assert {cell.images for cell in cells if cell.provider == "astria"} == {AT_ONCE["astria"]}


def test_providers_share_their_seeds() -> None:
    order = EvaluationOrder(name="Sarah", scenarios=[BEACH, FOREST], variations=2, seed=2**32 - 1002)
    seeds = {cell.cell_id: order.request(cell).seed for cell in order.cells(["fal-lora", "fal-instant"])}
    assert seeds["fal-lora/beach/02"] == seeds["fal-instant/beach/02"] == 0
    assert len({*seeds.values()}) == 4
    (astria, _) = order.cells(["astria"])
    assert order.request(astria).seed == seeds["fal-lora/beach/01"]
