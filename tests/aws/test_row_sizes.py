"""A row takes 400 KB: the largest that our limits allow are stored. The tests refuse larger ones too."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from character_identity.aws.generation_table import GenerationTable
from character_identity.aws.identity_table import IdentityTable
from character_identity.aws.ledger_table import LedgerTable
from character_identity.domain.character_name import trigger_word, with_character
from character_identity.domain.errors import InvalidRequest
from character_identity.domain.event import Event
from character_identity.domain.failure import Failure
from character_identity.domain.finding import Finding
from character_identity.domain.generation import GeneratedImage, ProducedImage
from character_identity.domain.job import JobHandle
from character_identity.providers.answers import LONGEST_LINK, link
from character_identity.services.references import LONGEST_NAME, MAX_REFERENCES
from tests.support.builders import (
    NO_LIMIT,
    NOON,
    a_generation,
    a_generation_job,
    a_request,
    a_training_identity,
    an_identity,
    some_weights,
)
from tests.support.mocked_aws import StateTable

FACE = "\N{GRINNING FACE}"  # four bytes, as many as a character can have
LIMIT = 1_000_000_000
MOST_IMAGES = 8
LONGEST_TEXT = 4000
PROVIDER_LINK = "https://v3.fal.media/" + FACE * (LONGEST_LINK - len("https://v3.fal.media/"))
MESSAGE = InvalidRequest(FACE * 200_000).message
FAILURE = Failure(code="provider_rejected", message=FACE * 200_000)


def test_the_table_of_the_tests_refuses_what_is_too_large(table: StateTable) -> None:
    with pytest.raises(ClientError, match="Item size"):
        table.put(pk="a", sk="b", text="x" * 420_000)


def test_the_largest_generation(table: StateTable) -> None:
    identities, generations = IdentityTable(table), GenerationTable(table)
    identities.add(an_identity())
    prompt = "\u674e" * LONGEST_TEXT  # a name that needs no spaces, again and again
    used = with_character(prompt, "\u674e", trigger_word("\u674e", "i1" * 16))
    request = a_request(prompt=FACE * LONGEST_TEXT, negative_prompt=FACE * LONGEST_TEXT)
    generation = a_generation(request=request, prompt_used=used)
    generations.add(generation, a_generation_job(), LIMIT, NO_LIMIT)
    handle = JobHandle(provider_job_id="r1", **dict.fromkeys(("status_url", "result_url"), PROVIDER_LINK))
    LedgerTable(table).submitted("generation-g1", handle)
    done = generation.model_copy(
        update={
            "status": "failed",
            "settled_at": NOON,
            "produced": [ProducedImage(url=link(PROVIDER_LINK), seed=2**32)] * MOST_IMAGES,
            "images": [
                GeneratedImage(index=index, outcome="failed", reason=MESSAGE) for index in range(MOST_IMAGES)
            ],
            "error": FAILURE,
        }
    )
    assert generations.save(done, {"produced", "images"})
    assert generations.settle(done, Event.of_generation(done)).error == FAILURE
    assert generations.get("g1").produced[0].url == PROVIDER_LINK


def test_the_largest_identity(table: StateTable) -> None:
    identities = IdentityTable(table)
    name = FACE * LONGEST_NAME
    findings = [
        replace(Finding.of(code, MESSAGE, reference), file=name)
        for reference in range(MAX_REFERENCES)
        for code in ("near_duplicate", "blurred")
    ]
    references = [f"references/{'i1' * 16}/{number:04}.jpg" for number in range(MAX_REFERENCES)]
    identities.add(a_training_identity(name=FACE * 80, references=references, findings=findings))
    weights = some_weights(provider_url=PROVIDER_LINK).model_dump()
    identities.advance(
        "i1", "storing", 90, archive_url=PROVIDER_LINK, weights_url=PROVIDER_LINK, weights=weights
    )
    failed = identities.get("i1").model_copy(
        update={"status": "failed", "phase": "failed", "settled_at": NOON, "error": FAILURE}
    )
    assert identities.settle(failed, Event.of_identity(failed)).error == FAILURE
